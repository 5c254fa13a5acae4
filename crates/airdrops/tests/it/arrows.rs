//! The arrows between crates go only as the architecture says.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Crate → the workspace crates that it may use. `*` is any.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("airdrops-types", &[]),
    ("airdrops-risk", &["airdrops-types"]),
    ("airdrops-allocation", &["airdrops-types"]),
    ("airdrops-scheduler", &["airdrops-types"]),
    ("airdrops-chain", &["airdrops-types", "airdrops-risk"]),
    ("airdrops-protocols", &["airdrops-types", "airdrops-chain"]),
    ("airdrops-market", &["airdrops-types"]),
    ("airdrops-paper", &["airdrops-types"]),
    ("airdrops-server", &["airdrops-types"]),
    ("airdrops-store", &["airdrops-types", "airdrops-scheduler"]),
    (
        "airdrops-runtime",
        &[
            "airdrops-types",
            "airdrops-risk",
            "airdrops-allocation",
            "airdrops-scheduler",
            "airdrops-chain",
            "airdrops-market",
            "airdrops-protocols",
            "airdrops-store",
        ],
    ),
    ("airdrops", &["*"]),
    ("airdrops-testkit", &["*"]),
    ("airdrops-testkit-postgres", &[]),
];

/// Crates that know no I/O, clock or async.
const PURE: &[&str] = &[
    "airdrops-types",
    "airdrops-risk",
    "airdrops-allocation",
    "airdrops-scheduler",
];

/// What a pure crate must not reach, however indirectly.
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "hyper",
    "reqwest",
    "rusqlite",
    "libsqlite3-sys",
    "alloy-provider",
    "alloy-transport",
    "revm",
    "axum",
];

fn is_normal(kind: DependencyKind) -> bool {
    matches!(kind, DependencyKind::Normal | DependencyKind::Build)
}

/// Of this platform only: what others need was never downloaded.
fn metadata() -> cargo_metadata::Metadata {
    let rustc = std::process::Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let version = String::from_utf8(rustc.stdout).expect("rustc writes text");
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc names its host");
    let options = ["--offline", "--filter-platform", host];
    MetadataCommand::new()
        .other_options(options.map(str::to_owned).to_vec())
        .exec()
        .expect("cargo metadata works offline after a build")
}

fn workspace_dependencies(package: &Package) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .filter(|dependency| is_normal(dependency.kind) && dependency.path.is_some())
        .map(|dependency| dependency.name.clone())
        .collect()
}

#[test]
fn crates_import_only_what_the_architecture_allows() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(may) = allowed.get(package.name.as_str()) else {
            wrong.push(format!("{} is not in the table of crates", package.name));
            continue;
        };
        for used in workspace_dependencies(package) {
            if !may.contains(&"*") && !may.contains(&used.as_str()) {
                wrong.push(format!("{} must not use {used}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        metadata.workspace_packages().len(),
        MAY_IMPORT.len(),
        "the table has a crate too many"
    );
}

#[test]
fn test_tools_are_never_part_of_the_program() {
    for package in metadata().workspace_packages() {
        for tool in ["airdrops-testkit", "airdrops-testkit-postgres"] {
            assert!(
                package.name.as_str() == tool || !workspace_dependencies(package).contains(tool),
                "{} uses {tool} outside its tests",
                package.name
            );
        }
    }
}

#[test]
fn pure_crates_reach_no_io_clock_or_async() {
    let metadata = metadata();
    let resolve = metadata
        .resolve
        .as_ref()
        .expect("metadata has a dependency graph");
    let names: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let edges: BTreeMap<_, Vec<_>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = node
                .deps
                .iter()
                .filter(|dependency| {
                    dependency
                        .dep_kinds
                        .iter()
                        .any(|kind| kind.kind == DependencyKind::Normal)
                })
                .map(|dependency| &dependency.pkg)
                .collect();
            (&node.id, normal)
        })
        .collect();
    for pure in PURE {
        let root = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == *pure)
            .expect("the crate exists");
        let mut seen = BTreeSet::new();
        let mut queue = vec![&root.id];
        while let Some(id) = queue.pop() {
            if seen.insert(id) {
                queue.extend(edges.get(id).into_iter().flatten().copied());
            }
        }
        assert!(
            seen.len() > 1,
            "{pure} has no dependencies at all: the graph was not read"
        );
        for id in seen {
            let name = names.get(id).copied().unwrap_or_default();
            assert!(!IMPURE.contains(&name), "{pure} reaches {name}");
        }
    }
}
