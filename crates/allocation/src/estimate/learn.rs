//! What is learnt of each family, shrunk to its category and to all.
//!
//! Three levels, each the prior of the next: *base* beliefs and all families of other categories →
//! all other families of the category → the family itself. A level inherits the mean of the level
//! above with a fixed strength (empirical Bayes; the uncertainty of that mean is not passed on), and
//! no observation counts at two levels.
//!
//! Old evidence fades: an observation counts `discount ^ months` of what it counted when it was made.

mod record;

use std::collections::BTreeMap;

use airdrops_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::beta::Beta;
use super::invalid::{Invalid, bounded};
use super::normal_inverse_gamma::NormalInverseGamma;
use super::opportunity::{Opportunity, Worth};
use super::prior::Priors;
use super::timing::Timing;
use record::{Logs, Record, months};

/// How learning goes, and what is believed before anything is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learning {
    /// Whether a protocol without a token ever drops.
    pub drop: Beta,
    /// When, if it does.
    pub when: Timing,
    /// Whether a wallet that used it is eligible.
    pub eligibility: Beta,
    /// The token's fully diluted value at the claim.
    pub fdv: NormalInverseGamma,
    /// The mean wallet's drop at the claim.
    pub wallet: NormalInverseGamma,
    /// As how many observations a category takes what is known of all others.
    pub category_strength: f64,
    /// As how many observations a family takes what is known of its category.
    pub family_strength: f64,
    /// What is left of an observation's weight after a month, in (0, 1].
    pub discount: f64,
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observation {
    /// A drop, after so many months in which it could have come.
    Dropped {
        /// How many.
        months: f64,
    },
    /// It is certain that there is none: the protocol said so, or ended.
    Never,
    /// Still none after so many months. Replaces what was said of the same family before, and
    /// counts for the timing of others, as far as a drop is still to come.
    Waiting {
        /// How many.
        months: f64,
    },
    /// Whether a wallet of ours was eligible in a drop.
    Eligible(bool),
    /// The token's fully diluted value at the claim, in dollars.
    Fdv(f64),
    /// The mean wallet's drop at the claim, in dollars.
    Wallet(f64),
}

/// Everything that was learnt. Bounded: at most [`MAX_FAMILIES`] families.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learnt {
    learning: Learning,
    families: BTreeMap<String, Record>,
}

/// The most families that are remembered.
pub const MAX_FAMILIES: usize = 4_096;

/// The longest name of a family or a category, in bytes.
const MAX_NAME: usize = 200;

impl Learning {
    /// Beliefs to start with. Amounts and eligibility are fitted from `priors`; the rest is chosen:
    /// a protocol drops with probability 0.3, known as from 4 protocols (nothing that ships tells
    /// it); the median wait is 12 months, known as from 3 drops; a level counts as 4 observations
    /// for a category and as 8 for a family; the discount is 0.97 a month.
    #[must_use]
    pub fn from_priors(priors: &Priors) -> Self {
        Self {
            drop: Beta { a: 1.2, b: 2.8 },
            when: Timing {
                shape: 1.0,
                events: 3.0,
                // 12 / (2^(1/3) − 1)
                exposure: 46.168,
            },
            eligibility: priors.eligible.naive,
            fdv: priors.fdv.belief(),
            wallet: priors.wallet_value.belief(),
            category_strength: 4.0,
            family_strength: 8.0,
            discount: 0.97,
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        self.drop.check().map_err(|error| error.within("drop"))?;
        self.when.check().map_err(|error| error.within("when"))?;
        let eligibility = self.eligibility.check();
        eligibility.map_err(|error| error.within("eligibility"))?;
        self.fdv.check().map_err(|error| error.within("fdv"))?;
        self.wallet
            .check()
            .map_err(|error| error.within("wallet"))?;
        bounded("category_strength", self.category_strength, 0.5, 1e6)?;
        bounded("family_strength", self.family_strength, 0.5, 1e6)?;
        bounded("discount", self.discount, 0.01, 1.0)
    }
}

/// Sums of a family, of the others of its category, and of all other categories.
struct Levels {
    own: Record,
    category: Record,
    rest: Record,
}

impl Learnt {
    /// Nothing yet.
    ///
    /// # Errors
    /// [`Invalid`], which names the parameter.
    pub fn new(learning: Learning) -> Result<Self, Invalid> {
        learning.check()?;
        Ok(Self {
            learning,
            families: BTreeMap::new(),
        })
    }

    /// Takes an observation in, made at `at`. The order of observations does not matter, but for
    /// [`Observation::Waiting`], of which the last counts.
    ///
    /// # Errors
    /// [`Invalid`] for a number that cannot be, a family that was of another category before, or one
    /// too many.
    pub fn observe(
        &mut self,
        family: &str,
        category: &str,
        at: Timestamp,
        seen: &Observation,
    ) -> Result<(), Invalid> {
        check_observation(seen).map_err(|error| error.within(&format!("family {family}")))?;
        let discount = self.learning.discount;
        let shape = self.learning.when.shape;
        if family.is_empty() || family.len().max(category.len()) > MAX_NAME {
            let what = format!("needs a name; it and its category have at most {MAX_NAME} bytes");
            return Err(Invalid::new(format!("family {family:.40}"), what));
        }
        if !self.families.contains_key(family) && self.families.len() >= MAX_FAMILIES {
            let what = format!("is one more than the {MAX_FAMILIES} that are kept: forget another");
            return Err(Invalid::new(format!("family {family}"), what));
        }
        let known = self.families.entry(family.to_owned());
        let record = known.or_insert_with(|| Record::new(category, at));
        if record.category != category {
            let what = format!(
                "is of the category `{}`, not `{category}`: forget it first",
                record.category
            );
            return Err(Invalid::new(format!("family {family}"), what));
        }
        *record = record.at(at, discount);
        // Made before what was seen last: it has faded already.
        let weight = libm::pow(discount, months(at, record.as_of).max(0.0));
        match *seen {
            Observation::Dropped { months } => {
                record.drops += weight;
                record.exposure += weight * libm::pow(months, shape);
                record.waiting = 0.0;
            }
            Observation::Never => {
                record.none += weight;
                record.waiting = 0.0;
            }
            Observation::Waiting { months } => record.waiting = months,
            Observation::Eligible(true) => record.eligible += weight,
            Observation::Eligible(false) => record.excluded += weight,
            Observation::Fdv(value) => record.fdv.add(libm::log(value), weight),
            Observation::Wallet(value) => record.wallet.add(libm::log(value), weight),
        }
        Ok(())
    }

    /// Forgets a family; whether it was known.
    pub fn forget(&mut self, family: &str) -> bool {
        self.families.remove(family).is_some()
    }

    /// How many families are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.families.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.families.is_empty()
    }

    /// Whether there is ever a drop, before its own wait is counted: that is
    /// [`Opportunity::waited`](super::Opportunity::waited).
    #[must_use]
    pub fn drop(&self, family: &str, category: &str, at: Timestamp) -> Beta {
        let counts = |record: &Record| (record.drops, record.none);
        self.probability(
            &self.learning.drop,
            &self.levels(family, category, at),
            counts,
        )
    }

    /// Whether our wallets are eligible.
    #[must_use]
    pub fn eligibility(&self, family: &str, category: &str, at: Timestamp) -> Beta {
        let counts = |record: &Record| (record.eligible, record.excluded);
        let levels = self.levels(family, category, at);
        self.probability(&self.learning.eligibility, &levels, counts)
    }

    /// When a drop comes, before its own wait is counted.
    #[must_use]
    pub fn when(&self, family: &str, category: &str, at: Timestamp) -> Timing {
        let base = self.learning.when;
        let levels = self.levels(family, category, at);
        let rate = (base.events + levels.rest.drops) / (base.exposure + levels.rest.exposure);
        let strength = self.learning.category_strength;
        let rate =
            (strength + levels.category.drops) / (strength / rate + levels.category.exposure);
        let strength = self.learning.family_strength;
        Timing {
            shape: base.shape,
            events: strength + levels.own.drops,
            exposure: strength / rate + levels.own.exposure,
        }
    }

    /// The token's fully diluted value.
    #[must_use]
    pub fn fdv(&self, family: &str, category: &str, at: Timestamp) -> NormalInverseGamma {
        let levels = self.levels(family, category, at);
        self.amount(&self.learning.fdv, &levels, |record| record.fdv)
    }

    /// The mean wallet's drop.
    #[must_use]
    pub fn wallet(&self, family: &str, category: &str, at: Timestamp) -> NormalInverseGamma {
        let levels = self.levels(family, category, at);
        self.amount(&self.learning.wallet, &levels, |record| record.wallet)
    }

    /// An opportunity with what is believed of its family at `at`: `drop`, `when`, `eligibility` and
    /// the token's value. Its wait, rule, costs and hazard stay. Market quotes and opinions come
    /// after this.
    #[must_use]
    pub fn believed(&self, opportunity: &Opportunity, at: Timestamp) -> Opportunity {
        let (family, category) = (&opportunity.family, &opportunity.category);
        let mut believed = opportunity.clone();
        believed.drop = self.drop(family, category, at);
        believed.when = self.when(family, category, at);
        believed.eligibility = self.eligibility(family, category, at);
        match &mut believed.worth {
            Worth::Pool { fdv, .. } => *fdv = self.fdv(family, category, at),
            Worth::Wallet { value, .. } => *value = self.wallet(family, category, at),
        }
        believed
    }

    fn levels(&self, family: &str, category: &str, at: Timestamp) -> Levels {
        let empty = || Record::new(category, at);
        let mut levels = Levels {
            own: empty(),
            category: empty(),
            rest: empty(),
        };
        let base = &self.learning;
        for (name, record) in &self.families {
            let mut now = record.at(at, base.discount);
            if name == family {
                levels.own = now;
                continue;
            }
            // A wait is exposure as far as a drop is still to come.
            let open = base.when.still_to_come(base.drop.mean(), now.waiting);
            now.exposure += open * libm::pow(now.waiting, base.when.shape);
            if now.category == category {
                levels.category.join(&now);
            } else {
                levels.rest.join(&now);
            }
        }
        levels
    }

    fn probability(
        &self,
        base: &Beta,
        levels: &Levels,
        counts: impl Fn(&Record) -> (f64, f64),
    ) -> Beta {
        let inherit = |mean: f64, strength: f64, record: &Record| {
            let mean = mean.clamp(1e-6, 1.0 - 1e-6);
            let (successes, failures) = counts(record);
            Beta {
                a: mean * strength,
                b: (1.0 - mean) * strength,
            }
            .after(successes, failures)
        };
        let (successes, failures) = counts(&levels.rest);
        let rest = base.after(successes, failures).mean();
        let category = inherit(rest, self.learning.category_strength, &levels.category).mean();
        inherit(category, self.learning.family_strength, &levels.own)
    }

    fn amount(
        &self,
        base: &NormalInverseGamma,
        levels: &Levels,
        logs: impl Fn(&Record) -> Logs,
    ) -> NormalInverseGamma {
        let inherit = |above: &NormalInverseGamma, strength: f64| NormalInverseGamma {
            location: above.location,
            kappa: strength,
            alpha: 1.0 + strength / 2.0,
            beta: above.variance() * strength / 2.0,
        };
        let rest = logs(&levels.rest).after(base);
        let category = inherit(&rest, self.learning.category_strength);
        let category = logs(&levels.category).after(&category);
        let family = inherit(&category, self.learning.family_strength);
        logs(&levels.own).after(&family)
    }
}

fn check_observation(seen: &Observation) -> Result<(), Invalid> {
    match *seen {
        Observation::Dropped { months } | Observation::Waiting { months } => {
            bounded("months", months, 0.0, 1200.0)
        }
        Observation::Fdv(value) | Observation::Wallet(value) => bounded("value", value, 1e-6, 1e15),
        Observation::Never | Observation::Eligible(_) => Ok(()),
    }
}
