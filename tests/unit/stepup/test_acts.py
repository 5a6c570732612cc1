"""What a step-up is bound to."""

from strongroom.stepup.acts import Act

ACT = Act("restore.overwrite", "shop", "latest:shop")


def test_the_binding_stays_as_it_is() -> None:
    expected = "244f0bb012427db9c261a0ddf60d4d5c0eabf1c02c720bf8fca2a3b1fc0c6c58"
    assert ACT.binding("0197f3c2").hex() == expected


def test_no_two_acts_are_bound_alike() -> None:
    acts = [ACT, Act("restore.overwrite", "shoplatest:", "shop"), Act("restore.overwritesh", "op", "latest:shop")]
    assert len({act.binding(account) for act in acts for account in ("a", "ab")}) == 6
