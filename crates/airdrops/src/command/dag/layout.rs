//! Where tasks stand: in layers, each task one layer after the last that it comes after, ordered so
//! that few arrows cross (Sugiyama, Tagawa and Toda 1981, with barycentres).

use super::Graph;

/// Sweeps over the layers, there and back.
const SWEEPS: usize = 8;

/// A place: layer from the left, and row from the top, of the rows of the longest layer.
pub(super) type Place = (usize, f64);

/// Where the tasks and arrows of a graph are.
pub(super) struct Layout {
    /// Of each task.
    pub(super) places: Vec<Place>,
    /// The places that each arrow goes through, from its task to its task.
    pub(super) routes: Vec<Vec<Place>>,
    /// How many layers there are.
    pub(super) layers: usize,
    /// How many rows the longest layer has.
    pub(super) rows: usize,
}

impl Layout {
    pub(super) fn of(graph: &Graph) -> Self {
        let layer = layers(graph);
        let depth = layer.iter().copied().max().map_or(0, |last| last + 1);
        // Points are the tasks, and a bend for each layer that an arrow passes over.
        let mut points: Vec<usize> = layer.clone();
        let mut routes: Vec<Vec<usize>> = Vec::new();
        for arrow in &graph.arrows {
            let mut route = vec![arrow.from];
            for between in layer[arrow.from] + 1..layer[arrow.to] {
                route.push(points.len());
                points.push(between);
            }
            route.push(arrow.to);
            routes.push(route);
        }
        let mut before = vec![Vec::new(); points.len()];
        let mut behind = vec![Vec::new(); points.len()];
        for route in &routes {
            for pair in route.windows(2) {
                before[pair[1]].push(pair[0]);
                behind[pair[0]].push(pair[1]);
            }
        }
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth];
        for (point, layer) in points.iter().enumerate() {
            rows[*layer].push(point);
        }
        let mut position = vec![0.0; points.len()];
        for sweep in 0..SWEEPS {
            let there = sweep % 2 == 0;
            let neighbours = if there { &before } else { &behind };
            for step in 0..depth {
                let layer = if there { step } else { depth - 1 - step };
                order(&mut rows[layer], neighbours, &mut position);
            }
        }
        let most = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut places = vec![(0, 0.0); points.len()];
        for (layer, row) in rows.iter().enumerate() {
            #[allow(clippy::cast_precision_loss)] // Rows are few.
            let start = (most - row.len()) as f64 / 2.0;
            for (index, point) in row.iter().enumerate() {
                #[allow(clippy::cast_precision_loss)]
                let place = (layer, start + index as f64);
                places[*point] = place;
            }
        }
        let routes = routes
            .into_iter()
            .map(|route| route.into_iter().map(|point| places[point]).collect())
            .collect();
        places.truncate(graph.nodes.len());
        Self {
            places,
            routes,
            layers: depth,
            rows: most,
        }
    }

    /// The layer of a task.
    pub(super) fn layer(&self, node: usize) -> usize {
        self.places[node].0
    }
}

/// Sorts a layer by the mean position of the neighbours of each point; who has none stays.
fn order(row: &mut [usize], neighbours: &[Vec<usize>], position: &mut [f64]) {
    let mut keyed: Vec<(f64, usize)> = row
        .iter()
        .enumerate()
        .map(|(index, point)| {
            let near = &neighbours[*point];
            #[allow(clippy::cast_precision_loss)]
            let own = index as f64;
            #[allow(clippy::cast_precision_loss)]
            let mean = near.iter().map(|it| position[*it]).sum::<f64>() / near.len().max(1) as f64;
            (if near.is_empty() { own } else { mean }, *point)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (index, (slot, (_, point))) in row.iter_mut().zip(keyed).enumerate() {
        *slot = point;
        #[allow(clippy::cast_precision_loss)]
        let place = index as f64;
        position[point] = place;
    }
}

/// The longest way from a task without predecessors, for each task. Tasks that wait for each other
/// stand as far to the left as the others let them.
fn layers(graph: &Graph) -> Vec<usize> {
    let mut open = vec![0_usize; graph.nodes.len()];
    let mut behind = vec![Vec::new(); graph.nodes.len()];
    for arrow in &graph.arrows {
        open[arrow.to] += 1;
        behind[arrow.from].push(arrow.to);
    }
    let mut layer = vec![0; graph.nodes.len()];
    let mut ready: Vec<usize> = (0..open.len()).filter(|node| open[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for next in &behind[node] {
            layer[*next] = layer[*next].max(layer[node] + 1);
            open[*next] -= 1;
            if open[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use airdrops_types::Conditions;

    use super::super::{Arrow, Node};
    use super::*;

    fn graph(nodes: usize, arrows: &[(usize, usize)]) -> Graph {
        let node = |index: usize| Node {
            name: index.to_string(),
            does: String::new(),
            waits: Vec::new(),
            state: None,
        };
        let arrow = |(from, to): &(usize, usize)| Arrow {
            from: *from,
            to: *to,
            on: Conditions::SUCCESS,
        };
        Graph {
            title: String::new(),
            nodes: (0..nodes).map(node).collect(),
            arrows: arrows.iter().map(arrow).collect(),
        }
    }

    #[test]
    fn a_task_stands_after_all_that_it_comes_after_and_no_two_stand_in_one_place() {
        let arrows: Vec<(usize, usize)> = (0..50)
            .flat_map(|from| [(from, from + 7), (from, 2 * from + 1)])
            .filter(|(from, to)| from < to && *to < 50)
            .collect();
        let graph = graph(50, &arrows);
        let layout = Layout::of(&graph);
        for arrow in &graph.arrows {
            assert!(layout.layer(arrow.from) < layout.layer(arrow.to));
        }
        for (index, place) in layout.places.iter().enumerate() {
            assert!(!layout.places[index + 1..].contains(place), "{place:?}");
            assert!(place.0 < layout.layers && place.1 <= layout.rows as f64 - 1.0);
        }
        for route in &layout.routes {
            assert!(route.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1));
        }
    }

    #[test]
    fn two_parallel_chains_do_not_cross() {
        // The second chain is listed the other way round.
        let layout = Layout::of(&graph(6, &[(0, 3), (3, 4), (1, 2), (2, 5)]));
        let row = |node: usize| layout.places[node].1;
        assert_eq!(row(0) < row(1), row(3) < row(2));
        assert_eq!(row(3) < row(2), row(4) < row(5));
    }

    #[test]
    fn a_circle_is_drawn_all_the_same() {
        let layout = Layout::of(&graph(3, &[(0, 1), (1, 2), (2, 1)]));
        assert_eq!(layout.places.len(), 3);
    }
}
