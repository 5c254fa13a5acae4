//! The Merkle tree of a Uniswap-like `MerkleDistributor`.
//!
//! A leaf is `keccak256(abi.encodePacked(uint256 index, address account, uint256 amount))`. A node
//! is the hash of its two children in ascending order, so that a proof needs no sides. A node
//! without a sibling moves up as it is.

use airdrops_types::{Address, B256, U256};
use alloy::primitives::keccak256;
use serde::{Deserialize, Serialize};

/// What one account may claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its number in the distribution.
    pub index: u64,
    /// Who may claim.
    pub account: Address,
    /// Base units.
    pub amount: U256,
}

impl Grant {
    /// Its leaf.
    #[must_use]
    pub fn leaf(&self) -> B256 {
        let mut packed = [0; 32 + 20 + 32];
        packed[..32].copy_from_slice(&U256::from(self.index).to_be_bytes::<32>());
        packed[32..52].copy_from_slice(self.account.as_slice());
        packed[52..].copy_from_slice(&self.amount.to_be_bytes::<32>());
        keccak256(packed)
    }
}

/// A distribution to one or more accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleTree {
    /// From the leaves to the root; each level is shorter, the last holds one hash.
    levels: Vec<Vec<B256>>,
}

impl MerkleTree {
    /// The tree of these grants, in their order; `None` without a grant.
    #[must_use]
    pub fn new(grants: &[Grant]) -> Option<Self> {
        let leaves: Vec<B256> = grants.iter().map(Grant::leaf).collect();
        if leaves.is_empty() {
            return None;
        }
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below
                .chunks(2)
                .map(|nodes| match nodes {
                    [left, right] => parent(*left, *right),
                    _ => nodes[0],
                })
                .collect();
            levels.push(above);
        }
        Some(Self { levels })
    }

    /// The root, which the contract holds.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.levels[self.levels.len() - 1][0]
    }

    /// The siblings on the way from the grant at `position` up to the root; `None` if there is no
    /// such grant.
    #[must_use]
    pub fn proof(&self, position: usize) -> Option<Vec<B256>> {
        self.levels[0].get(position)?;
        let siblings = self
            .levels
            .iter()
            .enumerate()
            .filter_map(|(height, level)| level.get((position >> height) ^ 1).copied());
        Some(siblings.collect())
    }
}

fn parent(a: B256, b: B256) -> B256 {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    keccak256([low.as_slice(), high.as_slice()].concat())
}

/// Whether a proof leads from a grant to a root, as the contract checks it.
#[must_use]
pub fn verifies(grant: &Grant, proof: &[B256], root: B256) -> bool {
    proof
        .iter()
        .fold(grant.leaf(), |node, sibling| parent(node, *sibling))
        == root
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn grants(count: u64) -> Vec<Grant> {
        (0..count)
            .map(|index| Grant {
                index,
                account: Address::with_last_byte(u8::try_from(index + 1).unwrap()),
                amount: U256::from(1_000 + index),
            })
            .collect()
    }

    #[test]
    fn every_grant_of_every_size_of_tree_is_proved_and_no_other() {
        for count in 1..=17 {
            let grants = grants(count);
            let tree = MerkleTree::new(&grants).unwrap();
            for (position, grant) in grants.iter().enumerate() {
                let proof = tree.proof(position).unwrap();
                assert!(
                    verifies(grant, &proof, tree.root()),
                    "{position} of {count}"
                );
                let richer = Grant {
                    amount: grant.amount + U256::from(1),
                    ..*grant
                };
                assert!(!verifies(&richer, &proof, tree.root()));
            }
            assert_eq!(tree.proof(grants.len()), None);
        }
        assert_eq!(MerkleTree::new(&[]), None);
    }

    #[test]
    fn single_grant_is_its_own_root_with_an_empty_proof() {
        let grants = grants(1);
        let tree = MerkleTree::new(&grants).unwrap();
        assert_eq!(tree.root(), grants[0].leaf());
        assert_eq!(tree.proof(0), Some(vec![]));
    }
}
