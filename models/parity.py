"""The exported classifier rebuilt as scikit-learn pipelines, to show that serving computes what scikit-learn would."""

import base64
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from app.scoring.ngrams import Lexicon, features
from models.heads import Floats, head_of

Item = tuple[str, Sequence[str]]
"""A text and the names of its signals."""


def pipelines(path: Path) -> dict[str, Pipeline]:
    """One fitted pipeline per head of `classifier.json`, from (text, signals) to `predict_proba`."""
    data = json.loads(path.read_text(encoding="utf-8"))
    columns: list[str] = data["columns"]
    weights = _weights(data, len(columns))
    made = {}
    for head in dict.fromkeys(map(head_of, columns)):
        own = [i for i, column in enumerate(columns) if head_of(column) == head]
        regression = LogisticRegression()
        regression.coef_ = weights[own]
        regression.intercept_ = np.array(data["intercepts"])[own]
        regression.classes_ = np.array([columns[i].partition(".")[2] for i in own] if len(own) > 1 else [False, True])
        regression.n_features_in_ = weights.shape[1]
        made[head] = Pipeline([("features", _features(data).fit([("", ())])), ("regression", regression)])
    return made


def _weights(data: Mapping[str, Any], columns: int) -> Floats:
    """One row per column, one column per feature, then per signal."""
    codes = np.frombuffer(base64.b64decode(data["codes"]), dtype=np.int8).reshape(-1, columns)
    return np.concatenate([codes * np.array(data["steps"]), np.array(list(data["signals"].values()))]).T


def _features(data: Mapping[str, Any]) -> FeatureUnion:
    lexicon = Lexicon.of(data["lexicon"])
    scales = np.array(data["scales"])
    names = {name: i for i, name in enumerate(data["features"])}
    counter = CountVectorizer(analyzer=partial(features, lexicon=lexicon), lowercase=False, vocabulary=names)
    present = CountVectorizer(
        analyzer=set, lowercase=False, vocabulary={name: i for i, name in enumerate(data["signals"])}
    )
    ngrams = make_pipeline(FunctionTransformer(_texts), counter, FunctionTransformer(partial(_scaled, scales=scales)))
    return FeatureUnion([("ngrams", ngrams), ("signals", make_pipeline(FunctionTransformer(_signals), present))])


def _texts(items: Sequence[Item]) -> list[str]:
    return [text for text, _ in items]


def _signals(items: Sequence[Item]) -> list[Sequence[str]]:
    return [signals for _, signals in items]


def _scaled(counts: csr_matrix, scales: Floats) -> csr_matrix:
    """Counts times scale, over the norm of the text."""
    counts = counts.astype(np.float64)
    norms = np.sqrt(counts @ scales**2)
    return csr_matrix(diags(1 / np.where(norms > 0, norms, 1.0)) @ counts @ diags(scales))
