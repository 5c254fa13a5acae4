//! There is no other way to a permit, and no way around a reading's standing.

#[test]
fn no_permit_but_from_the_gate_and_no_value_but_from_a_fresh_reading() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
