//! The graph as indented text.

use airdrops_types::Conditions;

use super::Graph;
use super::layout::Layout;

/// Tasks layer by layer, each as far in as its layer, with what it comes after.
pub(super) fn render(graph: &Graph, layout: &Layout) -> String {
    let mut order: Vec<usize> = (0..graph.nodes.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (layout.places[*a], layout.places[*b]);
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let mut text = format!(
        "{}: {} tasks, {} edges, {} layers\n",
        graph.title,
        graph.nodes.len(),
        graph.arrows.len(),
        layout.layers
    );
    for index in order {
        let node = &graph.nodes[index];
        let indent = "  ".repeat(layout.layer(index) + 1);
        let state = node
            .state
            .map_or_else(String::new, |state| format!(" [{state}]"));
        let waits = match node.waits.as_slice() {
            [] => String::new(),
            waits => format!(" ({})", waits.join(", ")),
        };
        let before: Vec<String> = graph
            .arrows
            .iter()
            .filter(|arrow| arrow.to == index)
            .map(|arrow| {
                let name = &graph.nodes[arrow.from].name;
                match arrow.on {
                    Conditions::SUCCESS => name.clone(),
                    on => format!("{name} ({})", on.names().join(" or ")),
                }
            })
            .collect();
        let before = if before.is_empty() {
            String::new()
        } else {
            format!(" ← {}", before.join(", "))
        };
        text.push_str(&format!(
            "{indent}{}{state}: {}{waits}{before}\n",
            node.name, node.does
        ));
    }
    text
}
