//! Owns user expressions: parsed, their column references resolved and replaced. Must not ask a server.
