//! What can go wrong, by whom it can be helped: the configuration, the plan, the call.

use airdrops_chain::ReadError;
use airdrops_types::{Address, ChainId, ProtocolId, Token, U256};

/// What is wrong with a configured set of protocols.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two protocols have one name.
    #[error("protocol {0} is configured twice")]
    DuplicateId(ProtocolId),
    /// A staking pool names a pair that is not there or does not fit.
    #[error("protocol {protocol}: `underlying` {underlying}: {problem}")]
    Underlying {
        /// The staking pool.
        protocol: ProtocolId,
        /// What it names.
        underlying: ProtocolId,
        /// Why that is wrong.
        problem: &'static str,
    },
    /// A token is on another chain than the protocol.
    #[error("protocol {protocol}: `{field}` is on chain {actual}, but must be on chain {expected}")]
    WrongChain {
        /// The protocol.
        protocol: ProtocolId,
        /// Which token.
        field: &'static str,
        /// Where it must be.
        expected: ChainId,
        /// Where it is.
        actual: ChainId,
    },
    /// A token has no contract, and the module needs one; or the reverse.
    #[error("protocol {protocol}: `{field}` must be {expected}")]
    WrongKind {
        /// The protocol.
        protocol: ProtocolId,
        /// Which token.
        field: &'static str,
        /// "an ERC-20 token" or "the native currency".
        expected: &'static str,
    },
    /// Two different things have to be different, but are the same.
    #[error("protocol {protocol}: `{first}` and `{second}` are the same")]
    Same {
        /// The protocol.
        protocol: ProtocolId,
        /// The one field.
        first: &'static str,
        /// The other field.
        second: &'static str,
    },
    /// A slippage of everything or more bounds nothing.
    #[error("protocol {0}: `slippage` must be below 100 %")]
    Slippage(ProtocolId),
    /// One contract is described in two ways.
    #[error(
        "the token at {contract} on chain {chain} is configured with different assets or decimals"
    )]
    ConflictingTokens {
        /// The chain.
        chain: ChainId,
        /// The contract, or "native currency".
        contract: String,
    },
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The chain could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The wallet has less than the plan would spend.
    #[error("the wallet has {}, but {} are needed", what.amount(*have), what.amount(*need))]
    NotEnough {
        /// Of which token.
        what: Token,
        /// Base units there.
        have: U256,
        /// Base units needed.
        need: U256,
    },
    /// The module cannot do that.
    #[error("a {module} protocol cannot {action}")]
    Unsupported {
        /// What was asked.
        action: &'static str,
        /// Of which module.
        module: &'static str,
    },
    /// Native currency cannot be spent to the last wei, because it pays the fees too.
    #[error("{action} needs an amount: native currency pays the fees too")]
    NeedsAmount {
        /// What was asked.
        action: &'static str,
    },
    /// The pool is empty: it has no price.
    #[error("the pool of {0} is empty")]
    EmptyPool(ProtocolId),
    /// The configured proof grants nothing to this wallet.
    #[error(
        "the configured Merkle proof of {protocol} does not grant {wallet} the configured amount"
    )]
    NotGranted {
        /// The distributor.
        protocol: ProtocolId,
        /// Who asked.
        wallet: Address,
    },
    /// An amount does not fit the arithmetic.
    #[error("an amount is too large")]
    TooLarge,
    /// The view is of another chain.
    #[error("{protocol} lives on chain {expected}, but chain {actual} was read")]
    WrongChain {
        /// The protocol.
        protocol: ProtocolId,
        /// Its chain.
        expected: ChainId,
        /// The view's.
        actual: ChainId,
    },
    /// There is no such protocol.
    #[error("protocol {0} is not configured")]
    Unknown(ProtocolId),
}

/// Why a step has no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The chain could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The module cannot do that.
    #[error("a {module} protocol cannot {verb}")]
    Unsupported {
        /// What was asked.
        verb: &'static str,
        /// Of which module.
        module: &'static str,
    },
    /// The step is for other tokens than the protocol's.
    #[error("{protocol} does not exchange {from} for {to}")]
    ForeignTokens {
        /// The protocol.
        protocol: ProtocolId,
        /// What would be given.
        from: String,
        /// What would be wanted.
        to: String,
    },
    /// The step would approve a token or spender that the protocol does not use.
    #[error("{protocol} needs no allowance of {token} for {spender}")]
    ForeignApproval {
        /// The protocol.
        protocol: ProtocolId,
        /// Of what.
        token: String,
        /// For whom.
        spender: Address,
    },
    /// The step would move nothing, or give nothing for something.
    #[error("{verb} at {protocol} would give nothing now")]
    Nothing {
        /// The protocol.
        protocol: ProtocolId,
        /// The step.
        verb: &'static str,
    },
    /// The step is not what the configuration says.
    #[error("{verb} at {protocol} is not the one that is configured")]
    NotConfigured {
        /// The protocol.
        protocol: ProtocolId,
        /// The step.
        verb: &'static str,
    },
    /// The pool is empty: it has no price.
    #[error("the pool of {0} is empty")]
    EmptyPool(ProtocolId),
    /// An amount does not fit the arithmetic.
    #[error("an amount is too large")]
    TooLarge,
    /// The view is of another chain.
    #[error("{protocol} lives on chain {expected}, but chain {actual} was read")]
    WrongChain {
        /// The protocol.
        protocol: ProtocolId,
        /// Its chain.
        expected: ChainId,
        /// The view's.
        actual: ChainId,
    },
    /// There is no such protocol.
    #[error("protocol {0} is not configured")]
    Unknown(ProtocolId),
}
