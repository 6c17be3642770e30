//! Owns the law by which a guard slows work down, a standby's lag apart: cut quickly, in steps; come back smoothly, and
//! carefully near the share at which it went wrong last. Parking a signal at its threshold is what
//! on/off rules do; this one keeps it below. Must not know holds.

/// Work never gets slower than this share: below it a pause is meant.
pub(super) const LEAST: f64 = 0.05;
/// What a cut leaves.
const CUT: f64 = 0.7;
/// Seconds a cut is given to show before the next.
const COOLDOWN: f64 = 3.0;
/// Seconds a rising signal is looked ahead, and over how many its rise is measured.
const HORIZON: f64 = 5.0;
const SMOOTHING: f64 = 2.0;
/// Readings count at most this many times the threshold, so that memory of them fades.
const MOST: f64 = 100.0;
/// Growth a second, while there is room and where it went wrong before.
const FAST: f64 = 1.25;
const SLOW: f64 = 1.02;
/// Growth counts at most this many seconds from sample to sample: nobody looked in between.
const LONGEST_GROWTH: f64 = 2.0;
/// Seconds without trouble before full speed; up to then this share is the most.
const CALM: f64 = 20.0;
const NEARLY: f64 = 0.95;
/// Seconds without trouble after which the share at which it went wrong is forgotten.
const FORGET: f64 = 60.0;

#[derive(Clone, Debug)]
pub(super) struct Share {
    /// Share of full speed, `LEAST..=1`.
    value: f64,
    /// The share before the first cut of the last trouble.
    ceiling: f64,
    since_cut: f64,
    since_trouble: f64,
    /// Samples as multiples of the threshold, smoothed: what is above is rising.
    low: Option<f64>,
}

impl Default for Share {
    fn default() -> Share {
        Share { value: 1.0, ceiling: 1.0, since_cut: f64::INFINITY, since_trouble: f64::INFINITY, low: None }
    }
}

impl Share {
    /// `None`: full speed.
    pub(super) fn throttled(&self) -> Option<f64> {
        (self.value < 1.0).then_some(self.value)
    }

    /// A new sample, `seconds` after the one before. For the same state, a worse reading never
    /// leaves a greater share.
    pub(super) fn observe(&mut self, reading: f64, threshold: f64, seconds: f64) {
        let used = utilisation(reading, threshold).min(MOST);
        let low = self.low.get_or_insert(used);
        *low += (used - *low) * (1.0 - (-seconds / SMOOTHING).exp());
        let slope = (used - *low) / SMOOTHING;
        let ahead = used + HORIZON * slope.max(0.0);
        self.since_cut += seconds;
        if used >= 1.0 {
            self.cut();
            self.value = self.value.min(1.0 / used).max(LEAST);
            return;
        }
        self.since_trouble += seconds;
        if self.since_trouble > FORGET {
            self.ceiling = 1.0;
        }
        if self.value >= 1.0 {
            return;
        }
        let seconds = seconds.min(LONGEST_GROWTH);
        let slow = self.value * SLOW.powf(seconds);
        if ahead >= 1.0 {
            self.cut();
        } else if ahead < 0.5 {
            let fast = (self.value * FAST.powf(seconds)).min(0.9 * self.ceiling);
            self.value = slow.max(fast);
        } else if ahead < 0.9 {
            self.value = slow;
        }
        // The last step to full speed is taken after a calm, so that it is not taken every few seconds.
        let most = if self.since_trouble >= CALM { 1.0 } else { NEARLY };
        self.value = self.value.min(most);
    }

    fn cut(&mut self) {
        // Of several cuts in one trouble the first one's share is the one that went wrong.
        if self.since_trouble > COOLDOWN * 4.0 {
            self.ceiling = self.value;
        }
        self.since_trouble = 0.0;
        if self.since_cut >= COOLDOWN {
            self.since_cut = 0.0;
            self.value = (self.value * CUT).max(LEAST);
        }
    }
}

/// The reading as a multiple of the threshold; a threshold of zero is reached by anything from zero.
pub(super) fn utilisation(reading: f64, threshold: f64) -> f64 {
    if threshold > 0.0 {
        (reading / threshold).max(0.0)
    } else if reading >= threshold {
        f64::INFINITY
    } else {
        0.0
    }
}
