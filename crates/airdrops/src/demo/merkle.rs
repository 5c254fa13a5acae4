//! A Merkle tree as airdrop distributors use it: leaves are
//! `keccak256(abi.encodePacked(uint256 index, address account, uint256 amount))`, pairs are hashed
//! in sorted order, and a node without a sibling moves up unchanged.

use airdrops_types::{Address, B256, U256};
use alloy::primitives::keccak256;

/// All levels, leaves first.
pub(crate) struct MerkleTree(Vec<Vec<B256>>);

impl MerkleTree {
    /// From (index, account, amount) in the order of their indices.
    pub(crate) fn new(grants: &[(u64, Address, U256)]) -> Self {
        let leaves: Vec<B256> = grants
            .iter()
            .map(|(index, account, amount)| {
                let mut packed = U256::from(*index).to_be_bytes_vec();
                packed.extend_from_slice(account.as_slice());
                packed.extend_from_slice(&amount.to_be_bytes_vec());
                keccak256(packed)
            })
            .collect();
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let next = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => join(*left, *right),
                    [single] => *single,
                    _ => B256::ZERO,
                })
                .collect();
            levels.push(next);
        }
        Self(levels)
    }

    /// The root; zero for an empty tree.
    pub(crate) fn root(&self) -> B256 {
        self.0
            .last()
            .and_then(|level| level.first())
            .copied()
            .unwrap_or_default()
    }

    /// The siblings on the way from leaf `index` to the root.
    pub(crate) fn proof(&self, mut index: usize) -> Vec<B256> {
        let mut proof = Vec::new();
        for level in &self.0 {
            proof.extend(level.get(index ^ 1));
            index /= 2;
        }
        proof
    }
}

fn join(left: B256, right: B256) -> B256 {
    let (low, high) = if left <= right {
        (left, right)
    } else {
        (right, left)
    };
    keccak256([low.as_slice(), high.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_leads_to_the_root() {
        let grants: Vec<_> = (0..11u8)
            .map(|index| {
                let account = Address::repeat_byte(index + 1);
                (u64::from(index), account, U256::from(index) * U256::from(7))
            })
            .collect();
        let tree = MerkleTree::new(&grants);
        for index in 0..grants.len() {
            let leaf = tree.0[0][index];
            let hash = tree.proof(index).into_iter().fold(leaf, join);
            assert_eq!(hash, tree.root(), "leaf {index}");
        }
    }
}
