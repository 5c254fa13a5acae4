//! One task per wallet, protocol or asset, and the edges between the elements.

use std::collections::{BTreeMap, BTreeSet};

use airdrops_scheduler::{After, TaskDef};
use airdrops_types::Conditions;

use super::super::diagnostic::suggestion;
use super::super::reader::{At, Reader};
use super::super::section::Section;
use super::World;
use super::task::Draft;

/// Most elements of one task.
const MOST: usize = 1000;

/// Over what a task is fanned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Over {
    Wallet,
    Protocol,
    Asset,
}

impl Over {
    const ALL: [Self; 3] = [Self::Wallet, Self::Protocol, Self::Asset];

    /// The key in `for_each`.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Protocol => "protocol",
            Self::Asset => "asset",
        }
    }
}

/// One list of `for_each`.
pub(super) struct Dimension {
    over: Over,
    names: Vec<At<String>>,
}

impl Dimension {
    fn set(&self) -> BTreeSet<&str> {
        self.names
            .iter()
            .map(|name| name.get_ref().as_str())
            .collect()
    }
}

/// One element: a name out of each list.
#[derive(Clone, Default)]
pub(super) struct Element(Vec<(Over, At<String>)>);

impl Element {
    /// The element's name of this kind.
    pub(super) fn of(&self, over: Over) -> Option<&At<String>> {
        let mut parts = self.0.iter();
        parts.find(|(of, _)| *of == over).map(|(_, name)| name)
    }

    /// `deposit[w1,aerie]`; the task's own name if it is not fanned out.
    pub(super) fn name(&self, task: &str) -> String {
        if self.0.is_empty() {
            return task.to_owned();
        }
        let parts: Vec<&str> = self
            .0
            .iter()
            .map(|(_, name)| name.get_ref().as_str())
            .collect();
        format!("{task}[{}]", parts.join(","))
    }
}

/// The lists of `for_each`, in the order wallet, protocol, asset.
pub(super) fn read(
    reader: &Reader<'_>,
    section: &Section<'_>,
    world: &World<'_>,
) -> Vec<Dimension> {
    let Some(each) = section.table("for_each") else {
        return Vec::new();
    };
    let mut dimensions = Vec::new();
    for over in Over::ALL {
        let names = each.names(over.key());
        if !each.has(over.key()) {
            continue;
        }
        if names.is_empty() {
            let message = format!(
                "`{}` of `for_each` is empty: no task would be made",
                over.key()
            );
            reader.error(each.span_of(over.key()), message, "name at least one");
        }
        let mut seen = BTreeSet::new();
        for name in &names {
            if !seen.insert(name.get_ref().as_str()) {
                let message = format!("{} `{}` is listed twice", over.key(), name.get_ref());
                reader.error(name.span(), message, "remove one of them");
            }
            let known = &world.assets;
            if over == Over::Asset && !known.contains(name.get_ref()) {
                let help = suggestion(name.get_ref(), known.iter().map(String::as_str), "asset");
                reader.error(
                    name.span(),
                    format!("unknown asset `{}`", name.get_ref()),
                    help,
                );
            }
        }
        dimensions.push(Dimension { over, names });
    }
    if dimensions.is_empty() {
        let help = "write for_each = { wallet = [\"main\", \"side\"] }";
        reader.error(
            section.span_of("for_each"),
            "`for_each` lists nothing",
            help,
        );
    }
    let product = dimensions
        .iter()
        .fold(1_usize, |count, it| count.saturating_mul(it.names.len()));
    if product > MOST {
        let message = format!("`for_each` makes {product} tasks, at most {MOST} are possible");
        let help = "divide them among several campaigns";
        reader.error(section.span_of("for_each"), message, help);
        return Vec::new();
    }
    dimensions
}

fn elements(dimensions: &[Dimension]) -> Vec<Element> {
    let mut elements = vec![Element::default()];
    for dimension in dimensions {
        elements = elements
            .iter()
            .flat_map(|element| {
                dimension.names.iter().map(|name| {
                    let mut element = element.clone();
                    element.0.push((dimension.over, name.clone()));
                    element
                })
            })
            .collect();
    }
    elements
}

/// One task of the file with its elements.
struct Group {
    name: String,
    each: Vec<Dimension>,
    after: Vec<(At<String>, Conditions)>,
    tasks: Vec<(Element, TaskDef)>,
}

/// The tasks of a campaign, with one task per element.
pub(super) struct Expanded {
    /// Whether every task could be read.
    pub(super) whole: bool,
    groups: Vec<Group>,
}

impl Default for Expanded {
    fn default() -> Self {
        Self {
            whole: true,
            groups: Vec::new(),
        }
    }
}

impl Expanded {
    /// Adds a task of the file; `None` is one that could not be read.
    pub(super) fn add(
        &mut self,
        reader: &Reader<'_>,
        section: &Section<'_>,
        draft: Option<Draft>,
        world: &World<'_>,
    ) {
        let Some(draft) = draft else {
            self.whole = false;
            return;
        };
        let mut tasks = Vec::new();
        for element in elements(&draft.each) {
            match draft.element(reader, section, &element, world) {
                Some(task) => tasks.push((element, task)),
                None => self.whole = false,
            }
        }
        self.groups.push(Group {
            name: draft.name.into_inner(),
            each: draft.each,
            after: draft.after,
            tasks,
        });
    }

    /// The tasks with their edges. Where two tasks are fanned out over the same set, an element comes
    /// after the elements of the same name; else after all.
    pub(super) fn finish(self, reader: &Reader<'_>) -> Vec<TaskDef> {
        let by_name: BTreeMap<&str, &Group> = self
            .groups
            .iter()
            .map(|group| (group.name.as_str(), group))
            .collect();
        let mut tasks = Vec::new();
        for group in &self.groups {
            let mut befores = Vec::new();
            for (name, on) in &group.after {
                match by_name.get(name.get_ref().as_str()) {
                    Some(before) => befores.push((*before, *on)),
                    None if !self.whole => {}
                    None => {
                        let known = by_name.keys().copied();
                        reader.error(
                            name.span(),
                            format!("unknown task `{}` in this campaign", name.get_ref()),
                            suggestion(name.get_ref(), known, "task"),
                        );
                    }
                }
            }
            for (element, task) in &group.tasks {
                let mut task = task.clone();
                for (before, on) in &befores {
                    let shared = shared(group, before);
                    let same = before.tasks.iter().filter(|(other, _)| {
                        let name = |element: &Element, over| {
                            element.of(over).map(|name| name.get_ref().clone())
                        };
                        shared
                            .iter()
                            .all(|over| name(element, *over) == name(other, *over))
                    });
                    task.after.extend(same.map(|(_, other)| After {
                        task: other.name.clone(),
                        on: *on,
                    }));
                }
                tasks.push(task);
            }
        }
        tasks
    }
}

/// Over what both are fanned out alike.
fn shared(one: &Group, other: &Group) -> Vec<Over> {
    let alike = one.each.iter().filter(|mine| {
        let theirs = other.each.iter().find(|theirs| theirs.over == mine.over);
        theirs.is_some_and(|theirs| theirs.set() == mine.set())
    });
    alike.map(|dimension| dimension.over).collect()
}
