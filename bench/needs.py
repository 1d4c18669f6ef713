"""The four needs: rules alone, classifier alone, both together; `python -m bench.needs [--frozen]`.

On rounds r1 to r4 every text is read by a classifier that never saw its round, and the combination is fitted on the
other rounds too. `--frozen` measures what ships on round r5, which nothing was chosen on. The options' estimates are
left out: labels and scores rest on the text alone.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from app.catalogue import load_catalogue
from app.pipeline.reading import read_text
from app.schemas.facts import NeedReading, Reading
from app.schemas.report import Evidence
from app.schemas.vocabulary import NEEDS, Need
from app.scoring.classifier import load_classifier
from app.scoring.needs import LEVELS, expectation, rules_alone, score_one
from app.scoring.rules import load_rules
from app.scoring.thresholds import NeedThresholds, load_thresholds
from app.shipped import shipped
from models.corpus import FROZEN, Row, load_round, load_training
from models.fit_needs import features, fit_need, left_out_readings, rule_evidence

Levels = NDArray[np.int64]
Values = NDArray[np.float64]
Found = Sequence[dict[Need, tuple[Evidence, ...]]]


def accuracy(truth: Levels, said: Levels) -> float:
    """Share of right levels."""
    return float((truth == said).mean())


def macro_f1(truth: Levels, said: Levels) -> float:
    """Mean F1 of the three levels."""
    both = [2 * ((truth == k) & (said == k)).sum() / max(1, (truth == k).sum() + (said == k).sum()) for k in range(3)]
    return float(np.mean(both))


def auc(truth: Levels, values: Values) -> float:
    """Chance that a text of level 2 has a higher value than one of level 0; ties count half."""
    high, low = values[truth == 2], values[truth == 0]
    above = (high[:, None] > low).mean() + 0.5 * (high[:, None] == low).mean()
    return float(above)


class Views:
    """What each side says of a need in some texts: level and value by name of the side."""

    def __init__(self, size: int) -> None:
        self.levels = {side: np.zeros(size, dtype=np.int64) for side in ("rules", "classifier", "both")}
        self.values = {side: np.zeros(size) for side in self.levels}
        self.disagree = np.zeros(size, dtype=bool)

    def read(self, i: int, need: Need, rules: tuple[Evidence, ...], view: NeedReading, t: NeedThresholds) -> None:
        """Take in text `i`."""
        alone = rules_alone(rules, t)
        score = score_one(need, rules, view, t)
        both = (
            ("rules", int(np.argmax(alone)), expectation(alone)),
            ("classifier", int(np.argmax(view.level_probabilities)), expectation(view.level_probabilities)),
            ("both", LEVELS.index(score.level), score.value),
        )
        for side, level, value in both:
            self.levels[side][i], self.values[side][i] = level, value
        self.disagree[i] = score.disagreement is not None

    def show(self, need: Need, truth: Levels) -> None:
        """Print a table."""
        majority = max(float((truth == k).mean()) for k in range(3))
        print(f"{need}: {len(truth)} texts, always the commonest level {majority:.3f}")
        for side, said in self.levels.items():
            figures = accuracy(truth, said), macro_f1(truth, said), auc(truth, self.values[side])
            print("  {:<11} accuracy {:.3f}  macro-F1 {:.3f}  AUC(2 v 0) {:.3f}".format(side, *figures))
        said_so = self.disagree
        if said_so.any():
            inside, outside = (accuracy(truth[m], self.levels["both"][m]) for m in (said_so, ~said_so))
            print(f"  disagreement said of {said_so.mean():.1%}: accuracy there {inside:.3f}, elsewhere {outside:.3f}")


def across_rounds(rows: Sequence[Row], readings: Sequence[Reading], evidence: Found) -> None:
    """Each round with classifier and combination from the other rounds."""
    rounds = np.array([row.round for row in rows])
    for need in NEEDS:
        truth = np.array([row.needs[need] for row in rows])
        made, views = features(need, evidence, readings), Views(len(rows))
        for one in sorted(set(rounds)):
            others = rounds != one
            fitted = fit_need(made[others], truth[others])
            thresholds = NeedThresholds.model_validate({name: asdict(a) for name, a in fitted.items()})
            for i in (int(k) for k in np.flatnonzero(~others)):
                views.read(i, need, evidence[i][need], readings[i].needs[need], thresholds)
        views.show(need, truth)


def as_shipped(rows: Sequence[Row], readings: Sequence[Reading], evidence: Found) -> None:
    """With the thresholds that ship."""
    thresholds = load_thresholds(shipped("rules"))
    for need in NEEDS:
        views = Views(len(rows))
        for i, (found, reading) in enumerate(zip(evidence, readings, strict=True)):
            views.read(i, need, found[need], reading.needs[need], thresholds.needs[need])
        views.show(need, np.array([row.needs[need] for row in rows]))


def main(arguments: Sequence[str]) -> None:
    """Print the tables."""
    book, catalogue = load_rules(shipped("rules")), load_catalogue()
    if "--frozen" in arguments:
        rows = load_round(FROZEN)
        classifier = load_classifier(shipped("models/classifier.json"))
        readings = [read_text(row.text, classifier) for row in rows]
        print("Frozen round, as shipped")
        as_shipped(rows, readings, rule_evidence([row.text for row in rows], readings, book, catalogue))
        return
    rows = load_training()
    readings = left_out_readings(rows)
    print("Rounds r1 to r4, each with classifier and combination from the others; rules were written on these rounds")
    across_rounds(rows, readings, rule_evidence([row.text for row in rows], readings, book, catalogue))


if __name__ == "__main__":
    main(sys.argv[1:])
