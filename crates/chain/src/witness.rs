//! A second endpoint of the same chain, which is asked whether the first tells the truth.

use airdrops_types::{BlockRef, Reading};

use crate::endpoint::{ChainClient, EndpointError};

/// A second endpoint and what is expected of it. It is only ever asked for its chain id, its head
/// and the hashes of blocks.
#[derive(Debug, Clone)]
pub struct Witness {
    /// The endpoint, best of another operator.
    pub client: ChainClient,
    /// How many blocks below the head the two must agree; the chain's confirmations.
    pub depth: u64,
    /// By how many blocks the witness may be ahead.
    pub max_lead: u64,
    /// Whether a head counts as stale while the witness does not answer.
    pub required: bool,
}

/// What the comparison gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Testimony {
    /// Both know the same block, and the witness is not far ahead.
    Agrees,
    /// They contradict each other.
    Contradicts(String),
    /// The witness does not say.
    Silent(String),
}

impl Witness {
    /// Asks the witness which chain it serves. One that does not answer passes unless it is
    /// required.
    pub(crate) async fn verify_chain_id(&self) -> Result<(), EndpointError> {
        match Box::pin(self.client.verify_chain_id()).await {
            Err(EndpointError::WrongChain { expected, found }) => {
                Err(EndpointError::WrongWitness { expected, found })
            }
            Err(error) if self.required => Err(error),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    pub(crate) async fn testify(&self, endpoint: &ChainClient, head: BlockRef) -> Testimony {
        let number = head.number.saturating_sub(self.depth);
        let (ours, theirs, their_head) = tokio::join!(
            endpoint.canonical_hash(number),
            self.client.canonical_hash(number),
            self.client.head(),
        );
        let (theirs, their_head) = match (theirs, their_head) {
            (Ok(theirs), Ok(their_head)) => (theirs, their_head),
            (Err(error), _) | (_, Err(error)) => {
                return Testimony::Silent(format!("the witness endpoint: {error}"));
            }
        };
        match (ours, theirs) {
            (Err(error), _) => Testimony::Contradicts(format!(
                "the endpoint does not tell block {number} to be compared: {error}"
            )),
            (Ok(None), _) => Testimony::Contradicts(format!(
                "the endpoint does not know block {number} below its own head {}",
                head.number
            )),
            (Ok(Some(ours)), Some(theirs)) if ours != theirs => Testimony::Contradicts(format!(
                "block {number} is {ours} at the endpoint and {theirs} at the witness endpoint"
            )),
            _ if their_head.number > head.number.saturating_add(self.max_lead) => {
                Testimony::Contradicts(format!(
                    "the endpoint is at block {}, the witness endpoint at block {}, more than {} \
                     ahead",
                    head.number, their_head.number, self.max_lead
                ))
            }
            (Ok(Some(_)), None) => Testimony::Silent(format!(
                "the witness endpoint is at block {} and does not know block {number}",
                their_head.number
            )),
            (Ok(Some(_)), Some(_)) => Testimony::Agrees,
        }
    }
}

impl ChainClient {
    /// The same endpoint with a witness.
    ///
    /// # Errors
    /// [`EndpointError::WrongWitness`] if it is meant for another chain.
    pub fn with_witness(mut self, witness: Witness) -> Result<Self, EndpointError> {
        if witness.client.chain() != self.chain() {
            return Err(EndpointError::WrongWitness {
                expected: self.chain(),
                found: witness.client.chain(),
            });
        }
        self.set_witness(witness);
        Ok(self)
    }

    /// `head`, a head that this endpoint told, after the witness was asked: stale where the two
    /// contradict each other, and where a required witness is silent. Beside it what is wrong with
    /// a witness that is silent. Without a witness nothing changes.
    pub async fn attest(&self, head: Reading<BlockRef>) -> (Reading<BlockRef>, Option<String>) {
        let (Some(witness), Some(block)) = (self.witness(), head.last_known().copied()) else {
            return (head, None);
        };
        match witness.testify(self, block).await {
            Testimony::Agrees => (head, None),
            Testimony::Contradicts(reason) => (head.disputed(&reason), None),
            Testimony::Silent(reason) if witness.required => (head.disputed(&reason), Some(reason)),
            Testimony::Silent(reason) => (head, Some(reason)),
        }
    }
}
