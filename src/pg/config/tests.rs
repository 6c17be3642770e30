//! Owns the tests of how connection parameters come together.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn resolve(url: Option<&str>, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::resolve(url, &|name| env.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
}

#[test]
fn the_url_goes_before_the_environment() {
    let env =
        [("SEGUE_URL", "postgres://a@h1/d1"), ("DATABASE_URL", "postgres://b@h2/d2"), ("PGPASSWORD", "pw")];
    let config = resolve(None, &env).unwrap();
    assert_eq!((config.user(), config.dbname()), ("a", "d1"));
    assert_eq!(config.hosts()[0].password.as_deref(), Some("pw"));
    assert_eq!(resolve(Some("postgres://c@h3/d3"), &env).unwrap().user(), "c");
    assert_eq!(resolve(None, &env[1..]).unwrap().user(), "b");
}

#[test]
fn pg_variables_and_defaults() {
    let env = [("PGHOST", "h1,h2"), ("PGPORT", "6000"), ("PGUSER", "u"), ("PGSSLMODE", "disable")];
    let config = resolve(None, &env).unwrap();
    assert_eq!(config.redacted(), "u as u on h1:6000, h2:6000 (sslmode disable)");
    assert_eq!(config.target(), Target::ReadWrite);
    let config = resolve(None, &[]).unwrap();
    assert!(config.hosts().iter().all(|h| h.implicit && h.port == 5432));
    assert_eq!(config.hosts()[0].place, Place::Unix("/var/run/postgresql".into()));
    assert_eq!(config.hosts()[2].to_string(), "localhost:5432");
    assert!(!config.user().is_empty());
    // An address from the environment does not go to a host of the string.
    let config = resolve(Some("host=h1 user=u"), &[("PGHOSTADDR", "10.0.0.1")]).unwrap();
    assert_eq!(config.hosts()[0].place, Place::Tcp { name: "h1".into(), address: None });
}

#[test]
fn what_tokio_postgres_refuses_is_understood() {
    let url = "postgres://u@h:1,[::1]:2/d?sslmode=verify-full&sslrootcert=/x/ca.crt&target_session_attrs=prefer-standby\
               &gssencmode=disable&channel_binding=require&connect_timeout=3&passfile=/nowhere";
    let config = resolve(Some(url), &[]).unwrap();
    assert_eq!(config.redacted(), "d as u on h:1, [::1]:2 (sslmode verify-full)");
    assert_eq!(config.target(), Target::PreferStandby);
    assert_eq!(config.connect_timeout, Some(Duration::from_secs(3)));
}

#[test]
fn passwords_are_never_shown() {
    let config = resolve(Some("postgres://u:hunter2@h/d"), &[]).unwrap();
    for text in [config.redacted(), format!("{config:?}"), format!("{:?}", config.hosts())] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    for url in ["postgres://u:hun:ter2@h:hunter2/d", "host=h port=hunter2", "sslmode=hunter2"] {
        let error = resolve(Some(url), &[]).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn the_password_file_must_be_private() {
    let home = std::env::temp_dir().join(format!("segue-pgpass-{}", std::process::id()));
    fs::create_dir_all(&home).unwrap();
    let file = home.join(".pgpass");
    fs::write(&file, "localhost:*:*:u:socket\nh:5432:d:u:secret\n").unwrap();
    let env = [("HOME", home.to_str().unwrap())];
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let config = resolve(Some("postgres://u@h/d"), &env).unwrap();
    assert_eq!(config.hosts()[0].password, None);
    assert!(config.warnings()[0].contains("chmod 0600"), "{:?}", config.warnings());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let config = resolve(Some("postgres://u@h/d"), &env).unwrap();
    assert_eq!(config.hosts()[0].password.as_deref(), Some("secret"));
    let config = resolve(Some("host=/tmp,/elsewhere user=u"), &env).unwrap();
    assert_eq!(config.hosts()[0].password.as_deref(), Some("socket"));
    assert_eq!(config.hosts()[1].password, None);
    // A service fills what the string leaves open.
    fs::write(home.join(".pg_service.conf"), "[prod]\nhost=db.example\nuser=su\ndbname=sd\n").unwrap();
    let config = resolve(Some("service=prod user=me"), &env).unwrap();
    assert_eq!(config.redacted(), "sd as me on db.example:5432 (sslmode prefer)");
    assert!(resolve(Some("service=none"), &env).unwrap_err().to_string().contains("\"none\""));
    fs::remove_dir_all(&home).unwrap();
}

#[test]
fn faults_are_named() {
    let says = |url: &str| resolve(Some(url), &[]).unwrap_err().to_string();
    assert!(says("host=a,b port=1,2,3").contains("3 ports for 2 hosts"));
    assert!(says("host=a hostaddr=x").contains("hostaddr"));
    assert!(says("sslmode=full").contains("verify-full"));
    assert!(says("gssencmode=require").contains("not supported"));
    assert!(says("sslrootcert=system sslmode=require").contains("verify-full"));
}
