"""How many rows an evaluation needs to tell two options apart, and how sure a share measured on so many is.

Ref: Connor 1987 (McNemar's test, Biometrics 43:207) for the same rows under both options; Wald's interval for a share.
"""

from math import ceil, sqrt

Z_CONFIDENCE = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""
Z_POWER = 0.841621
"""Standard normal quantile of 80 % power."""
SMALLEST_DIFFERENCE = 0.005
"""Half a point: options closer than that are the same for practical purposes."""


def half_width(share: float, rows: int) -> float:
    """Half the 95 % confidence interval of a share of right answers measured on `rows` rows."""
    return Z_CONFIDENCE * sqrt(share * (1 - share) / rows)


def discordant_share(first: float, second: float) -> float:
    """Share of rows that only one of two options gets right, were they right independently: the careful case."""
    return first * (1 - second) + second * (1 - first)


def rows_to_separate(first: float, second: float) -> int:
    """Rows that both options answer, so that a true difference shows at 95 % confidence in four cases of five.

    McNemar's test: n = (z_c sqrt(d) + z_p sqrt(d - e²))² / e², with d the discordant share and e the difference.
    """
    difference = max(abs(second - first), SMALLEST_DIFFERENCE)
    d = max(discordant_share(first, second), difference)
    return ceil((Z_CONFIDENCE * sqrt(d) + Z_POWER * sqrt(d - difference**2)) ** 2 / difference**2)


def separable_difference(share: float, rows: int) -> float:
    """The smallest difference from `share` upward that `rows` rows tell apart, in steps of half a point."""
    difference = SMALLEST_DIFFERENCE
    while difference < 1 - share and rows_to_separate(share, share + difference) > rows:
        difference += SMALLEST_DIFFERENCE
    return min(difference, 1 - share)
