import pytest

from spillover.data import template


def test_fields_stand_once_in_their_order() -> None:
    assert template.fields("{b} and {a}, {b} again {{not}}") == ("b", "a")


def test_text_with_braces_and_percent_signs_goes_in_as_it_is() -> None:
    text = "{a} {0} {a.__class__} %s {{ \\1 $x"
    assert template.fill("<{a}>", {"a": text}) == f"<{text}>"


def test_doubled_braces_are_text() -> None:
    assert template.fill('{{"q": "{a}"}}', {"a": "x"}) == '{"q": "x"}'


@pytest.mark.parametrize(
    "bad", ["{", "a}", "{}", "{0}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{a b}"]
)
def test_anything_but_a_plain_name_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        template.fields(bad)


def test_a_field_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="b"):
        template.fill("{a}{b}", {"a": "x"})
