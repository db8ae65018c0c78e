"""The terms in closed form, against their formula written out for one user."""

import numpy as np
import tensorflow as tf

from tfmmrec.encoders.feature_info import FeatureInfo
from tfmmrec.layers.feature_projections import Feature
from tfmmrec.models.closed_form.terms import DEFAULT_WEIGHTS, ClosedFormTerms
from tfmmrec.models.content_vectors import ContentVectors
from tfmmrec.testing import TestCase

ITEMS, WIDTH, DIM = 5, 3, 2
COUNTS = np.array([4.0, 1.0, 0.0, 2.0, 7.0], np.float32)


def features(rows: int = ITEMS) -> dict[str, Feature]:
    values = tf.constant(np.random.default_rng(0).normal(size=[rows, 4]), tf.float32)
    return {"text": Feature(values, tf.fill([rows], True))}


def fitted(contents: bool = True) -> ClosedFormTerms:
    vectors = ContentVectors([FeatureInfo("text", 4)]) if contents else None
    terms = ClosedFormTerms(ITEMS, DIM, vectors)
    found = None
    if vectors is not None:
        vectors.fit(features())
        found = vectors(features())[0].numpy()
    terms.fit(np.random.default_rng(1).normal(size=[ITEMS, DIM]).astype(np.float32), found)
    return terms


class ClosedFormTermsTest(TestCase):
    def test_the_score_is_the_weighted_sum_of_the_terms(self):
        terms = fitted()
        weights = np.array([0.5, 2.0, 3.0, 5.0, 7.0, 11.0], np.float32)
        terms.term_weights.assign(weights)
        columns = terms.columns(tf.range(ITEMS), tf.constant(COUNTS), features()).numpy()
        factors, content = columns[:, :DIM], columns[:, DIM : 2 * DIM]
        self.assertAllClose(columns[:, -1], np.log1p(COUNTS))
        draw = np.random.default_rng(2)
        query, items = draw.normal(size=[1, WIDTH]), draw.normal(size=[ITEMS, WIDTH])
        history = [4, 0, 3]
        scores = 0.5 * query[0] @ items.T + 2.0 * np.log1p(COUNTS)
        for decay, item_item, similar in ((1.0, 3.0, 7.0), (0.7, 5.0, 11.0)):
            # Two later items, one, none.
            own = np.array([decay**2, decay, 1.0])
            own /= np.sqrt(np.square(own).sum())
            scores += item_item * (own @ factors[history]) @ factors.T
            scores += similar * (own @ content[history]) @ content.T
        embeddings = np.concatenate([items, columns], axis=1)
        queries = terms.queries(
            tf.constant(query, tf.float32), columns[[history]], tf.fill([1, 3], True)
        )
        self.assertAllClose(queries.numpy() @ embeddings.T, scores[np.newaxis], rtol=1e-4)

    def test_padding_has_no_effect(self):
        terms = fitted()
        columns = terms.columns(tf.range(ITEMS), tf.constant(COUNTS), features())
        query = tf.ones([1, WIDTH])
        expected = terms.queries(query, columns[tf.newaxis, :2], tf.constant([[True, True]]))
        padded = tf.gather(columns, [[3, 0, 4, 1]])
        found = terms.queries(query, padded, tf.constant([[False, True, False, True]]))
        self.assertAllClose(found, expected)

    def test_without_a_history_popularity_is_what_is_left(self):
        terms = fitted()
        found = terms.queries(
            tf.zeros([1, WIDTH]), tf.zeros([1, 2, terms.width]), tf.fill([1, 2], False)
        ).numpy()
        self.assertAllClose(found[0, :-1], np.zeros(WIDTH + 2 * DIM))
        self.assertAllClose(found[0, -1], DEFAULT_WEIGHTS[1])

    def test_an_unknown_item_has_its_content_only(self):
        columns = fitted().columns(tf.range(ITEMS), tf.constant(COUNTS), features()).numpy()
        self.assertAllEqual(columns[2, :DIM], np.zeros(DIM))
        self.assertTrue(columns[2, DIM : 2 * DIM].any())
        self.assertEqual(columns[2, -1], 0.0)

    def test_the_parts_of_cold_start_items_are_scaled(self):
        terms = fitted()
        columns = terms.columns(tf.range(ITEMS), tf.constant(COUNTS), features()).numpy()
        regressed = terms.fit_targets(columns)
        self.assertAllClose(regressed[:, -1], np.log1p(COUNTS) - np.log1p(COUNTS).mean())
        self.assertAllClose(terms.cold_columns(regressed, features()), columns, atol=1e-6)
        terms.cold_scales.assign([1.0, 2.0, 3.0, 5.0])
        scale = np.repeat([2.0, 3.0, 5.0], [DIM, DIM, 1])
        self.assertAllClose(terms.cold_columns(regressed, features()), scale * columns, rtol=1e-5)

    def test_components_keep_similarities_of_content(self):
        terms = ClosedFormTerms(ITEMS, 4, ContentVectors([FeatureInfo("text", 4)]))
        terms.contents.fit(features())
        contents = terms.contents(features())[0].numpy()
        terms.fit(np.zeros([ITEMS, 4]), contents)
        columns = terms.columns(tf.range(ITEMS), tf.constant(COUNTS), features()).numpy()
        content = columns[:, 4:8]
        self.assertAllClose(content @ content.T, contents @ contents.T, atol=1e-5)

    def test_without_features_there_is_no_content(self):
        columns = fitted(contents=False).columns(tf.range(ITEMS), tf.constant(COUNTS), {})
        self.assertAllEqual(columns[:, DIM : 2 * DIM], np.zeros([ITEMS, DIM]))

    def test_weights_that_are_set_stay(self):
        terms = ClosedFormTerms(ITEMS, DIM)
        self.assertFalse(terms.is_fitted)
        terms.term_weights.assign([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
        terms.fit(np.ones([ITEMS, DIM]), None)
        self.assertTrue(terms.is_fitted)
        self.assertAllEqual(terms.term_weights, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
        self.assertEqual(
            terms.describe()["item_item"] | {"towers": terms.describe()["towers"]},
            {"1.0": 0.0, "0.7": 0.0, "towers": 1.0},
        )
