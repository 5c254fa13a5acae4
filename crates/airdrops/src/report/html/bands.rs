//! What lasts: control states and tasks over time.

use super::*;

pub(super) fn control(report: &Report) -> Markup {
    let window = window(report);
    let class = |band: &Band| format!("state-{}", band.state);
    let changes: Vec<(&str, &Band)> = report
        .control
        .rows
        .iter()
        .flat_map(|(scope, bands)| bands.iter().map(move |band| (scope.as_str(), band)))
        .filter(|(_, band)| band.state != ControlState::Active)
        .collect();
    html! {
        section {
            h2 { "Control states" }
            ul.legend {
                @for state in [ControlState::Active, ControlState::Cautious, ControlState::Reducing, ControlState::Halted, ControlState::Locked] {
                    li { span class=(format!("key state-{state}")) {} (state) }
                }
            }
            div.timeline {
                @for (scope, bands) in &report.control.rows {
                    div.row {
                        span.label { (scope) }
                        div.track role="img" aria-label=(format!("{scope}: {}", bands.iter().map(|band| format!("{} from {}", band.state, minute(band.from))).collect::<Vec<_>>().join(", "))) {
                            @for band in bands {
                                (block(window, band.from.0, band.to.0, &class(band),
                                    &format!("{} from {} to {}. {}", band.state, minute(band.from), minute(band.to), band.why)))
                            }
                        }
                    }
                }
                div.row { span.label {} div.axis { (time_labels(window)) } }
            }
            @if changes.is_empty() {
                p.empty { "No breaker tripped and nobody halted anything." }
            } @else {
                div.scroll { table.stack {
                    thead { tr { th { "From" } th { "To" } th { "Scope" } th { "State" } th { "Evidence" } } }
                    tbody { @for (scope, band) in changes { tr {
                        td.time data-name="From" { (minute(band.from)) }
                        td.time data-name="To" { @if band.standing { "stands" } @else { (minute(band.to)) } }
                        td data-name="Scope" { (scope) }
                        td data-name="State" { span class=(format!("badge state-{}", band.state)) { (band.state) } }
                        td.words data-name="Evidence" { (band.why) }
                    } } }
                } }
            }
        }
    }
}

pub(super) fn gantt(report: &Report) -> Markup {
    let window = window(report);
    let title = |segment: &Segment| {
        format!(
            "{}: {} from {} to {}. {}",
            segment.task,
            segment.state,
            minute(segment.from),
            minute(segment.to),
            segment.reason
        )
    };
    let spoken = |segments: &[Segment]| {
        let count = |state: TaskState| {
            segments
                .iter()
                .filter(|segment| segment.state == state)
                .count()
        };
        format!(
            "{} completed, {} failed, {} times deferred",
            count(TaskState::Completed),
            count(TaskState::Failed) + count(TaskState::Dead),
            count(TaskState::Deferred)
        )
    };
    html! {
        section {
            h2 { "Tasks" }
            @if report.gantt.rows.is_empty() {
                p.empty { "No task was made." }
            } @else {
                ul.legend {
                    @for state in [TaskState::Pending, TaskState::Deferred, TaskState::Running, TaskState::Awaiting, TaskState::Retrying, TaskState::Completed, TaskState::Failed, TaskState::Dead, TaskState::Cancelled, TaskState::Skipped] {
                        li { span class=(format!("key task-{state}")) {} (state) }
                    }
                }
                div.timeline {
                    @for (name, segments) in report.gantt.rows.iter().take(MOST_TASKS) {
                        div.row {
                            span.label title=(name) { (name) }
                            div.track role="img" aria-label=(format!("{name}: {}", spoken(segments))) {
                                @for segment in segments {
                                    (block(window, segment.from.0, segment.to.0, &format!("task-{}", segment.state), &title(segment)))
                                }
                            }
                        }
                    }
                    div.row { span.label {} div.axis { (time_labels(window)) } }
                }
                @if report.gantt.rows.len() > MOST_TASKS {
                    p.empty { "The first " (MOST_TASKS) " of " (report.gantt.rows.len()) " tasks are drawn." }
                }
            }
        }
    }
}
