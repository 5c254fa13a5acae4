//! The graph of a campaign's tasks over dense indices.

use airdrops_types::Conditions;
use rustc_hash::FxHashMap;

use crate::campaign::TaskDef;

/// Who comes after whom: for each task, by its place in the definition, what must end first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    /// Where the edges of task `i` begin in `before`; one more than there are tasks.
    starts: Vec<u32>,
    before: Vec<(u32, Conditions)>,
}

/// The place of the first task of each name.
pub(crate) fn places(tasks: &[TaskDef]) -> FxHashMap<&str, u32> {
    let mut places = FxHashMap::with_capacity_and_hasher(tasks.len(), rustc_hash::FxBuildHasher);
    for (place, task) in (0..).zip(tasks) {
        places.entry(task.name.as_str()).or_insert(place);
    }
    places
}

impl Graph {
    /// The graph of `tasks`; edges from tasks that do not exist are left out.
    pub(crate) fn of(tasks: &[TaskDef], places: &FxHashMap<&str, u32>) -> Self {
        let mut graph = Self {
            starts: Vec::with_capacity(tasks.len() + 1),
            before: Vec::with_capacity(tasks.iter().map(|task| task.after.len()).sum()),
        };
        for task in tasks {
            graph.starts.push(graph.end());
            for after in &task.after {
                if let Some(&place) = places.get(after.task.as_str()) {
                    graph.before.push((place, after.on));
                }
            }
        }
        graph.starts.push(graph.end());
        graph
    }

    fn end(&self) -> u32 {
        u32::try_from(self.before.len()).unwrap_or(u32::MAX)
    }

    /// What task `place` comes after.
    pub(crate) fn before(&self, place: u32) -> &[(u32, Conditions)] {
        let place = place as usize;
        match (self.starts.get(place), self.starts.get(place + 1)) {
            (Some(&from), Some(&to)) => &self.before[from as usize..to as usize],
            _ => &[],
        }
    }

    fn len(&self) -> u32 {
        u32::try_from(self.starts.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Whether no task waits for itself.
    pub(crate) fn is_acyclic(&self) -> bool {
        self.order().len() == self.len() as usize
    }

    /// The tasks in an order in which each comes after all that it waits for; without those that
    /// wait for themselves and those that they wait for (Kahn 1962, "Topological sorting of large
    /// networks": what nothing waits for is taken away until nothing is left).
    pub(crate) fn order(&self) -> Vec<u32> {
        let mut waiting = vec![0_u32; self.len() as usize];
        for &(place, _) in &self.before {
            waiting[place as usize] += 1;
        }
        let mut free: Vec<u32> = (0..self.len())
            .filter(|&place| waiting[place as usize] == 0)
            .collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(place) = free.pop() {
            order.push(place);
            for &(before, _) in self.before(place) {
                let count = &mut waiting[before as usize];
                *count -= 1;
                if *count == 0 {
                    free.push(before);
                }
            }
        }
        order.reverse();
        order
    }

    /// One cycle for each edge that closes one, by depth-first search without recursion. Each place
    /// waits for the next one; the last is the first again.
    pub(crate) fn cycles(&self) -> Vec<Vec<u32>> {
        const UNSEEN: u32 = u32::MAX;
        const FINISHED: u32 = u32::MAX - 1;
        let mut cycles = Vec::new();
        // Where on the path a task is.
        let mut position = vec![UNSEEN; self.len() as usize];
        for start in 0..self.len() {
            if position[start as usize] == FINISHED {
                continue;
            }
            let mut path: Vec<(u32, usize)> = vec![(start, 0)];
            position[start as usize] = 0;
            while let Some(top) = path.last_mut() {
                let (place, edge) = *top;
                top.1 += 1;
                let Some(&(next, _)) = self.before(place).get(edge) else {
                    position[place as usize] = FINISHED;
                    path.pop();
                    continue;
                };
                match position[next as usize] {
                    FINISHED => {}
                    UNSEEN => {
                        position[next as usize] = u32::try_from(path.len()).unwrap_or(FINISHED);
                        path.push((next, 0));
                    }
                    on_path => {
                        let members = path[on_path as usize..].iter().map(|(place, _)| *place);
                        cycles.push(members.chain([next]).collect());
                    }
                }
            }
        }
        cycles
    }
}
