//! Owns how a program is shown to a person and as a script. Must not ask a server.
