//! Owns the law by which a standby's lag slows work down. Must not know holds.
//!
//! What a standby replays a second is not known beforehand and does not stay the same: one and the same replayed 0.8 to
//! 19 MB/s within 20 s, by what the log consisted of (measured). But lag tells what it was. Between two moments at which
//! nothing was left to replay, all that was written had been replayed: the mean share over that time is what the standby
//! bore. So at the first sign that work piles up nearly nothing is written until it is worked off, which costs nothing,
//! as the standby is busy all the while; then work goes on at a little under what was borne, and grows the faster the
//! longer nothing piles up.

use super::throttle::utilisation;

/// Work never gets slower than this share: below it a pause is meant.
pub(super) const LEAST: f64 = 0.005;
/// Readings count at most this many times the threshold.
const MOST: f64 = 100.0;
/// So much more than is usual (of the threshold) is work that piled up.
const PILED_UP: f64 = 0.3;
/// At full speed it counts from here, and where it would reach the threshold within so many seconds.
const PILED_UP_AT_FULL_SPEED: f64 = 0.5;
const AHEAD: f64 = 2.0;
/// The least reading of one to two times as many seconds is what is usual there.
const USUAL: f64 = 15.0;
/// Of what was borne, how much is asked for next.
const BACK: f64 = 0.95;
/// A short pile-up tells little: so many seconds of one leave a third of the share at least.
const TELLING: f64 = 3.0;
/// Growth a second (of the logarithm), by how much it rises with each second, and where that ends.
const GROWTH: f64 = 0.05;
const RISING: f64 = 0.12;
const MOST_GROWTH: f64 = 0.8;
/// Growth counts at most this many seconds from sample to sample: nobody looked in between.
const LONGEST_GROWTH: f64 = 2.0;
/// Up to full speed it goes only after so many seconds without a pile-up, and twice as many each time that this went
/// wrong soon after; until then this share is the most.
const CALM: f64 = 30.0;
const LONGEST_CALM: f64 = 900.0;
const SOON: f64 = 3600.0;
const NEARLY: f64 = 0.95;

#[derive(Clone, Debug)]
pub(super) struct Share {
    /// Share of full speed, `LEAST..=1`.
    value: f64,
    piled_up: Option<PiledUp>,
    /// Seconds since the last pile-up, and the calm that is asked for.
    calm: f64,
    patience: f64,
    /// Seconds since full speed was too much.
    since_full: f64,
    last: f64,
    usual: Usual,
}

/// From the last sample before it.
#[derive(Clone, Copy, Debug)]
struct PiledUp {
    lasted: f64,
    /// Seconds of full speed that were written.
    written: f64,
    before: f64,
}

/// The least reading of late, for the standbys that are always a little behind.
#[derive(Clone, Copy, Debug)]
struct Usual {
    before: f64,
    now: f64,
    seconds: f64,
}

impl Default for Share {
    fn default() -> Share {
        Share {
            value: 1.0,
            piled_up: None,
            calm: f64::INFINITY,
            patience: CALM,
            since_full: f64::INFINITY,
            last: 0.0,
            usual: Usual { before: 0.0, now: 0.0, seconds: 0.0 },
        }
    }
}

impl Share {
    /// `None`: full speed.
    pub(super) fn throttled(&self) -> Option<f64> {
        (self.value < 1.0).then_some(self.value)
    }

    /// Whether the standby works off what piled up.
    pub(super) fn waits(&self) -> bool {
        self.piled_up.is_some()
    }

    /// A new sample, `seconds` after the one before; `stopped`: nothing was written since, for a pause. `foresee`: at full
    /// speed, a reading that rises counts before it is at the threshold. For the same state, a worse reading never leaves
    /// a greater share.
    pub(super) fn observe(
        &mut self,
        reading: f64,
        threshold: f64,
        seconds: f64,
        stopped: bool,
        foresee: bool,
    ) {
        let used = utilisation(reading, threshold).min(MOST);
        let slope = if seconds > 0.0 { (used - self.last) / seconds } else { 0.0 };
        self.last = used;
        let over = used - self.usual.observe(used, seconds);
        let piles_up = used >= 1.0
            || if self.value < 1.0 {
                over >= PILED_UP
            } else {
                foresee && over >= PILED_UP_AT_FULL_SPEED && used + AHEAD * slope.max(0.0) >= 1.0
            };
        self.since_full += seconds;
        let written = if stopped { 0.0 } else { self.value * seconds };
        match (&mut self.piled_up, piles_up) {
            (None, true) => self.begin(written, seconds),
            (Some(piled_up), _) => {
                piled_up.lasted += seconds;
                piled_up.written += written;
                if !piles_up {
                    self.end();
                }
            }
            (None, false) if !stopped => self.grow(seconds),
            (None, false) => {}
        }
    }

    fn begin(&mut self, written: f64, seconds: f64) {
        if self.value >= 1.0 {
            let soon = self.since_full < SOON;
            self.patience = if soon { (self.patience * 2.0).min(LONGEST_CALM) } else { CALM };
            self.since_full = 0.0;
        }
        self.piled_up = Some(PiledUp { lasted: seconds, written, before: self.value });
        self.value = LEAST;
    }

    fn end(&mut self) {
        let Some(PiledUp { lasted, written, before }) = self.piled_up.take() else { return };
        let borne = if lasted > 0.0 { written / lasted } else { 0.0 };
        let believed = borne.max(before * (-lasted / TELLING).exp());
        self.value = (BACK * believed).clamp(LEAST, NEARLY);
        self.calm = 0.0;
    }

    fn grow(&mut self, seconds: f64) {
        // As fast as was due when the step began: who looks seldom grows no faster.
        let growth = (GROWTH + RISING * self.calm).min(MOST_GROWTH);
        self.calm += seconds;
        if self.value >= 1.0 {
            return;
        }
        // The last step to full speed is taken after a calm, so that it is not taken every few seconds.
        let most = if self.calm >= self.patience { 1.0 } else { NEARLY };
        self.value = (self.value * (growth * seconds.min(LONGEST_GROWTH)).exp()).min(most);
    }
}

impl Usual {
    /// With this reading taken in.
    fn observe(&mut self, used: f64, seconds: f64) -> f64 {
        self.seconds += seconds;
        if self.seconds > USUAL {
            *self = Usual { before: self.now, now: used, seconds: 0.0 };
        }
        self.now = self.now.min(used);
        self.now.min(self.before)
    }
}
