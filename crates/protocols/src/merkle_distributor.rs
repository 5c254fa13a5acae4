//! Airdrops from Uniswap-like `MerkleDistributor`s.

use airdrops_chain::{ChainRead, ReadError};
use airdrops_types::{Action, Address, B256, Operation, Position, ProtocolId, Token, U256};
use alloy::primitives::keccak256;
use alloy::sol_types::{SolCall, SolValue};

use crate::abi::{ask, call};
use crate::catalogue::TaskKind;
use crate::draft::Draft;
use crate::erc20::{Approval, Erc20};
use crate::error::{BuildError, PlanError};
use crate::module::Speaks;
use crate::plan::Amounts;
use crate::views::Views;

alloy::sol! {
    interface IDistributor {
        function merkleRoot() external view returns (bytes32);
        function isClaimed(uint256 index) external view returns (bool);
        function claim(uint256 index, address account, uint256 amount, bytes32[] merkleProof) external;
    }
}

#[derive(Debug, Clone)]
pub(crate) struct MerkleDistributor {
    pub(crate) id: ProtocolId,
    pub(crate) contract: Address,
    pub(crate) token: Erc20,
    pub(crate) index: u64,
    pub(crate) amount: U256,
    pub(crate) proof: Vec<B256>,
}

impl MerkleDistributor {
    /// The root that the proof leads to from a leaf for `wallet`.
    fn root(&self, wallet: Address) -> B256 {
        let leaf = keccak256((U256::from(self.index), wallet, self.amount).abi_encode_packed());
        self.proof.iter().fold(leaf, |node, sibling| {
            keccak256((node.min(*sibling), node.max(*sibling)).abi_encode_packed())
        })
    }
}

impl MerkleDistributor {
    /// What it can do.
    pub(crate) const KINDS: &'static [TaskKind] = &[TaskKind::takes(
        "merkle_distributor",
        "claim",
        "Claims the airdrop with its Merkle proof.",
    )
    .used(83_317, 1)];
}

impl Speaks for MerkleDistributor {
    fn kinds(&self) -> &'static [TaskKind] {
        Self::KINDS
    }

    fn tokens(&self) -> Vec<Token> {
        vec![self.token.token.clone()]
    }

    fn receipt(&self) -> Option<Token> {
        None
    }

    fn calls(&self) -> Vec<(Address, [u8; 4])> {
        vec![(self.contract, IDistributor::claimCall::SELECTOR)]
    }

    fn approvals(&self) -> Vec<&Approval> {
        Vec::new()
    }

    /// A grant counts when it is claimed.
    async fn position(&self, _: &Views<'_>, _: Address) -> Result<Option<Position>, ReadError> {
        Ok(None)
    }

    async fn plan(
        &self,
        view: &dyn ChainRead,
        wallet: Address,
        _: &Action,
        _: &Amounts,
    ) -> Result<Vec<Operation>, PlanError> {
        let root = ask(view, self.contract, IDistributor::merkleRootCall {}).await?;
        if self.root(wallet) != root {
            return Err(PlanError::NotGranted {
                protocol: self.id.clone(),
                wallet,
            });
        }
        let question = IDistributor::isClaimedCall {
            index: U256::from(self.index),
        };
        if ask(view, self.contract, question).await? || self.amount.is_zero() {
            return Ok(Vec::new());
        }
        Ok(vec![Operation::Claim {
            index: self.index,
            amount: self.amount,
            proof: self.proof.clone(),
        }])
    }

    async fn draft(
        &self,
        _: &dyn ChainRead,
        wallet: Address,
        operation: &Operation,
    ) -> Result<Option<Draft>, BuildError> {
        let Operation::Claim {
            index,
            amount,
            proof,
        } = operation
        else {
            return Ok(None);
        };
        if (*index, *amount, proof) != (self.index, self.amount, &self.proof) {
            return Err(BuildError::NotConfigured {
                protocol: self.id.clone(),
                verb: "claim",
            });
        }
        let what = IDistributor::claimCall {
            index: U256::from(*index),
            account: wallet,
            amount: *amount,
            merkleProof: proof.clone(),
        };
        let granted = self.token.amount(*amount);
        let summary = format!("claim {granted} from {}", self.id);
        Ok(Some(
            Draft::new(call(self.contract, &what), summary).receives(granted),
        ))
    }

    fn way_out(&self) -> Option<Action> {
        None
    }
}
