//! Random names of the kinds that break what quotes, cuts or folds them. Must not know what they name.

use fastrand::Rng;

/// A name that holds `base`, in one of many forms; two with different bases differ.
pub fn name(rng: &mut Rng, base: &str) -> String {
    match rng.u8(..12) {
        0 => format!("Mixed {base}"),
        1 => format!("q\"uo'te {base}"),
        2 => format!("größe_ж_{base}"),
        3 => padded(base, 'x', 63),
        4 => padded(base, 'é', 62),
        5 => format!("a.b $1 {{{base}}}"),
        6 => format!("50%\\{base}"),
        7 => padded(base, 'y', 61),
        _ => base.to_owned(),
    }
}

/// Words that are SQL's own, beside other names.
pub fn column(rng: &mut Rng, base: &str, number: usize) -> String {
    const WORDS: [&str; 10] =
        ["select", "user", "order", "table", "new", "old", "group", "check", "default", "id"];
    match rng.u8(..8) {
        0 => WORDS[number % WORDS.len()].to_owned(),
        1 => format!("Col{number}"),
        _ => name(rng, base),
    }
}

fn padded(base: &str, with: char, bytes: usize) -> String {
    let mut name = base.to_owned();
    while name.len() + with.len_utf8() <= bytes {
        name.push(with);
    }
    name
}
