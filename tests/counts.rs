//! The table of counts is whole: every row can be read, and the long run is
//! never shorter than the short one.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support {
    pub mod counts;
}

use support::counts;

#[test]
fn every_row_can_be_read_and_the_full_run_is_longer() {
    let text = include_str!("counts.toml");
    let rows: toml::Table = toml::from_str(text).unwrap();
    assert!(!rows.is_empty());
    for (name, row) in &rows {
        let (ci, full) = (row["ci"].as_integer(), row["full"].as_integer());
        assert!(0 < ci.unwrap() && ci <= full, "{name}");
        let of = i64::try_from(counts::of(name)).unwrap();
        assert!([ci, full].contains(&Some(of)), "{name}");
    }
}

#[test]
#[should_panic(expected = "no row `moon_phases`")]
fn a_name_without_a_row_is_a_mistake() {
    counts::of("moon_phases");
}

#[test]
fn a_choice_names_rows_and_their_counts_and_a_mistake_in_it_is_told() {
    let ci = counts::choose("line_cuts", "ci").unwrap();
    assert!(ci < counts::choose("line_cuts", "full").unwrap());
    for (choice, count) in [
        ("line_cuts=12", 12),
        ("wal_cuts=7,line_cuts=12", 12),
        ("wal_cuts=7", ci),
    ] {
        assert_eq!(counts::choose("line_cuts", choice), Ok(count), "{choice}");
    }
    for mistake in [
        "",
        "all",
        "line_cuts",
        "line_cuts=",
        "line_cuts=0",
        "line_cuts=many",
        "line_cuts=12;wal_cuts=7",
        "moon_phases=3",
    ] {
        assert!(counts::choose("line_cuts", mistake).is_err(), "{mistake}");
    }
}
