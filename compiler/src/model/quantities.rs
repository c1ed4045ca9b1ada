//! Numbers with units: durations, data rates and sizes, rates of events, dates.

use weir_syntax::ast::{Expr, ExprKind, Quantity};

use super::typed::{Read, mistyped, out_of_range};
use crate::{
    names::{Scope, already_said},
    plan::Limit,
};

pub(super) const DURATIONS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
pub(super) const DATA_RATES: &[(&str, u64)] =
    &[("bps", 1), ("Kbps", 1_000), ("Mbps", 1_000_000), ("Gbps", 1_000_000_000), ("Tbps", 1_000_000_000_000)];
pub(super) const DATA_SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A number and one of these units, in the smallest of them; exact or an error.
pub(super) fn quantity(
    expr: &Expr,
    scope: Scope,
    expected: &str,
    example: &str,
    units: &[(&str, u64)],
) -> Read<u64> {
    let ExprKind::Quantity(quantity) = &expr.kind else {
        return Err(mistyped(scope.file, expr.span, expected, format!("write {example}")));
    };
    let Quantity { number, unit } = &**quantity;
    let Some((_, factor)) = units.iter().find(|(name, _)| name == unit) else {
        let names = units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let mut wrong =
            mistyped(scope.file, expr.span, expected, format!("write {example}; its units are {names}"));
        wrong.message = format!("expected {expected}, found a number of `{unit}`");
        return Err(wrong);
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let scale = 10u64.checked_pow(fraction.len() as u32);
    let value = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(*factor)).zip(scale).and_then(
        |(whole, scale)| {
            let part = if fraction.is_empty() {
                Some(0)
            } else {
                fraction.parse::<u64>().ok()?.checked_mul(*factor)
            }?;
            (part % scale == 0).then(|| whole.checked_add(part / scale)).flatten()
        },
    );
    value.ok_or_else(|| {
        let message = format!("`{number} {unit}` is too large or too fine");
        out_of_range(scope.file, expr.span, message, format!("write a value as {example}"))
    })
}

pub(super) fn event_rate(expr: &Expr, scope: Scope) -> Read<Limit> {
    let help = "write a rate of events: `50/s`, `6/min`, `100/h`";
    if let ExprKind::Slash(count, _) = &expr.kind
        && matches!(count.kind, ExprKind::Error)
    {
        return Err(already_said());
    }
    if let ExprKind::Slash(count, unit) = &expr.kind
        && let (ExprKind::Integer(count), Some(unit)) = (&count.kind, unit.as_word())
    {
        let seconds = match unit.text.as_str() {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            other => {
                let mut wrong = mistyped(
                    scope.file,
                    unit.span,
                    "a unit of time",
                    "units are `s`, `min`, `h` and `d`".into(),
                );
                let meant = [("s", "seconds"), ("min", "minutes"), ("h", "hours"), ("d", "days")];
                let meant = meant.iter().find(|(_, long)| other.len() > 1 && long.starts_with(other));
                if let Some((short, _)) = meant {
                    *wrong = wrong.fix(format!("write `{short}`"), scope.file, unit.span, *short);
                }
                return Err(wrong);
            }
        };
        return match u32::try_from(*count) {
            Ok(count) if count > 0 => Ok(Limit { count, seconds }),
            _ => Err(out_of_range(
                scope.file,
                expr.span,
                format!("a rate of {count} is not possible"),
                help.into(),
            )),
        };
    }
    Err(mistyped(scope.file, expr.span, "a rate of events", help.into()))
}

/// Seconds since 1970-01-01T00:00Z; a date alone is its first second in UTC.
pub(super) fn time(expr: &Expr, scope: Scope) -> Read<i64> {
    let help = "write `2026-11-05` or `2026-11-05T18:00Z`";
    let ExprKind::Date(text) = &expr.kind else {
        return Err(mistyped(scope.file, expr.span, "a date or time", help.into()));
    };
    let with_time = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_string() };
    let with_seconds = if with_time.as_bytes().get(16) == Some(&b':') {
        with_time
    } else {
        format!("{}:00{}", &with_time[..16], &with_time[16..])
    };
    with_seconds
        .parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_second)
        .map_err(|_| out_of_range(scope.file, expr.span, format!("`{text}` is out of range"), help.into()))
}
