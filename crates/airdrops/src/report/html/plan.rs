//! The last plan, and how good forecasts were.

use super::*;
use crate::report::picture::{self, calibration, drawn, frontier, histogram};
use crate::report::plan::LastPlan;

pub(super) fn plan(report: &Report) -> Markup {
    let forecasts = calibration::reliability(&report.forecasts);
    let Some(plan) = &report.plan else {
        return html! {};
    };
    html! {
        section {
            h2 { "The last plan" }
            p { "Made " (minute(plan.at)) ": " (plan.trigger) ". " (plan.solver) "." }
            (sites(plan))
            @if plan.orders.is_empty() { p { "Everything stays." } } @else {
                ol { @for order in &plan.orders { li { (order) } } }
            }
            @if !plan.binding.is_empty() { p.empty { "Limits that bind: " (plan.binding.join(", ")) "." } }
            (drawn("Efficient frontier", frontier::frontier(&plan.frontier)))
            (drawn("Payoffs", histogram::payoffs(&plan.payoffs)))
            (drawn("Calibration of forecasts", forecasts))
        }
    }
}

fn sites(plan: &LastPlan) -> Markup {
    html! {
        table {
            thead { tr { th { "Site" } th.number { "Held" } th.number { "Wanted" } th.number { "Expected net return" } th.number { "Chance of a gain" } } }
            tbody {
                @for site in &plan.sites {
                    tr {
                        td { (site.name) }
                        td.number { (site.held) }
                        td.number { (site.wanted) }
                        td.number { (picture::percent(site.mean)) }
                        td.number { (picture::percent(site.profit)) }
                    }
                }
            }
        }
    }
}
