//! Gas: what was paid, and what it cost over time.

use super::*;

pub(super) fn gas(report: &Report) -> Markup {
    let most = report
        .gas
        .iter()
        .map(|row| row.fee.0)
        .max()
        .unwrap_or(0)
        .max(1);
    let width = |fee: Usd| {
        let share = Usd(fee.0.max(0)).share_of(Usd(most)).unwrap_or_default();
        format!("width:{:.2}%", f64::from(share.0) / 100.0)
    };
    html! {
        section {
            h2 { "Gas" }
            div.grid {
                @for (index, base_fees) in report.base_fees.iter().enumerate() {
                    (base_fee_chart(report, index, base_fees).render())
                }
            }
            @if report.gas.is_empty() {
                p.empty { "No transaction was settled." }
            } @else {
                div.scroll { table {
                    thead { tr { th { "Chain" } th { "Protocol" } th.number { "Transactions" } th.number { "Fee, US dollars" } th.bar aria-hidden="true" {} } }
                    tbody { @for row in &report.gas { tr {
                        td { (row.chain) }
                        td { (row.protocol) }
                        td.number { (row.transactions) }
                        td.number { (row.fee) }
                        td.bar aria-hidden="true" { i style=(width(row.fee)) {} }
                    } } }
                    tfoot { tr { th colspan="3" { "Sum" } td.number { (report.totals.fees) } td.bar {} } }
                } }
            }
        }
    }
}

fn base_fee_chart(report: &Report, index: usize, base_fees: &BaseFees) -> Chart {
    let points = |series: &[(Timestamp, u128)]| {
        series
            .iter()
            .map(|(at, wei)| (at.0, gwei(*wei)))
            .collect::<Vec<_>>()
    };
    let highest = base_fees.fees.iter().map(|(_, wei)| *wei).max();
    let mut lines = vec![Line {
        name: "base fee".into(),
        class: "second",
        points: points(&base_fees.fees),
        filled: true,
    }];
    if !base_fees.ceilings.is_empty() {
        lines.push(Line {
            name: "ceiling: above it nothing is sent".into(),
            class: "limit",
            points: points(&base_fees.ceilings),
            filled: false,
        });
    }
    Chart {
        id: format!("base-fee-{index}"),
        title: format!("Base fee on {}", base_fees.chain),
        description: format!(
            "At its highest {} gwei, the ceiling at the end is {} gwei.",
            gwei_label(gwei(highest.unwrap_or_default())),
            base_fees
                .ceilings
                .last()
                .map_or_else(|| "unknown".into(), |(_, wei)| gwei_label(gwei(*wei)))
        ),
        unit: "gwei",
        label: gwei_label,
        from_zero: true,
        window: window(report),
        lines,
        small: true,
    }
}

#[allow(clippy::cast_precision_loss)]
fn gwei(wei: u128) -> f64 {
    wei as f64 / 1e9
}

fn gwei_label(value: f64) -> String {
    let text = format!("{value:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
