//! Single linkage: the order of the leaves of its tree, in `O(n²)` time and `O(n)` memory.

/// The order in which the leaves of the single-linkage tree of `n` points stand, where of two
/// clusters the one that formed first (a point before any cluster, points by index) is on the left.
///
/// Prim's algorithm walks the minimum spanning tree; each cluster of single linkage is a run of that
/// walk, so its steps sorted by length join the clusters (Müllner, 2011, "Modern hierarchical,
/// agglomerative clustering algorithms", section 3.3). Of equal distances the one found first comes
/// first.
pub(super) fn order(n: usize, distance: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let mut steps = walk(n, distance);
    steps.sort_by(|left, right| left.length.total_cmp(&right.length));
    join(n, &steps)
}

/// One step of the walk.
struct Step {
    from: usize,
    to: usize,
    length: f64,
}

fn walk(n: usize, distance: impl Fn(usize, usize) -> f64) -> Vec<Step> {
    // Points not reached yet, by index, with their distance to what is reached.
    let mut rest: Vec<(usize, f64)> = (1..n).map(|point| (point, f64::INFINITY)).collect();
    let mut steps = Vec::with_capacity(rest.len());
    let mut from = 0;
    while !rest.is_empty() {
        let mut nearest = (0, f64::INFINITY);
        for (place, (point, reach)) in rest.iter_mut().enumerate() {
            *reach = reach.min(distance(from, *point));
            if *reach < nearest.1 {
                nearest = (place, *reach);
            }
        }
        let (to, length) = rest.remove(nearest.0);
        steps.push(Step { from, to, length });
        from = to;
    }
    steps
}

/// Joins clusters along sorted steps; the leaves of the last one from left to right.
fn join(n: usize, steps: &[Step]) -> Vec<usize> {
    // Clusters by number: points first, then in the order in which they form. Each knows its first
    // and last leaf, and each leaf the one after it, so that joining is a single link.
    let mut clusters: Vec<(usize, usize)> = (0..n).map(|point| (point, point)).collect();
    let mut parent: Vec<usize> = (0..n).collect();
    let mut after: Vec<Option<usize>> = vec![None; n];
    for step in steps {
        let (one, other) = (root(&mut parent, step.from), root(&mut parent, step.to));
        let (left, right) = (one.min(other), one.max(other));
        after[clusters[left].1] = Some(clusters[right].0);
        let joined = clusters.len();
        clusters.push((clusters[left].0, clusters[right].1));
        parent.push(joined);
        parent[left] = joined;
        parent[right] = joined;
    }
    let first = clusters.last().map(|cluster| cluster.0);
    std::iter::successors(first, |&leaf| after[leaf]).collect()
}

/// The cluster that `node` belongs to now; shortens the way to it.
fn root(parent: &mut [usize], mut node: usize) -> usize {
    while parent[node] != node {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    node
}
