"""Any name of a feature is an input of the served model."""

import tensorflow as tf

from tfmmrec.serving.input_names import ServedInputs, input_specs, parameter_names, rename_inputs

NAMES = [
    *(
        "title",
        "Book Title",
        "title:token_seq",
        "price ($)",
        "标题",
        "année",
        "anne\u0301e",
        "год",
        "🎬",
    ),
    *("a/b", "../up", "..", ".", "a.b", "a\\b", "a b", "a_b", "A_b", "1st", "_x", "-", "%s", "{x}"),
    *("class", "self", "cls", "name", "args", "kwargs", "training", "call", "input", "inputs", ""),
    *(
        "Title",
        "<b>&\"'",
        "x" * 300,
        "x" * 300 + "y",
        "two\nlines",
        "#",
        "~",
        "null",
        "a,b",
        "None",
    ),
    *("history", "k", "item_k", "user", "serving_default", "encode_items", "input_2", "a_b_2"),
]


def test_each_name_is_an_input_of_its_own(tmp_path):
    parameters = parameter_names(NAMES)
    position = {parameters[name]: number for number, name in enumerate(NAMES)}
    assert parameters["title"] == "title" and parameters["a_b"] == "a_b"
    assert len({parameter.lower() for parameter in position}) == len(NAMES)

    @tf.function
    def total(**values):
        # Which value came under which name: 2 to the power of its position, as a decimal.
        terms = [2.0 ** position[key] * value for key, value in values.items()]
        return {"total": tf.add_n([tf.cast(term, tf.float64) for term in terms])}

    specs = {p: tf.TensorSpec([None], tf.float64, p) for p in parameters.values()}
    with_totals = {"encode_items": total.get_concrete_function(**specs)}
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures=with_totals)
    rename_inputs(tmp_path, parameters)

    found = input_specs(tmp_path)["encode_items"]
    assert set(found) == set(NAMES)
    function = tf.saved_model.load(str(tmp_path)).signatures["encode_items"]
    for number, name in enumerate(NAMES):
        values = {spec.name: tf.constant([0.0], tf.float64) for spec in found.values()}
        values[found[name].name] = tf.constant([1.0], tf.float64)
        assert function(**values)["total"].numpy() == [2.0**number], name


def test_plain_names_change_nothing(tmp_path):
    function = tf.function(lambda **values: {"sum": values["title"] + values["year"]})
    specs = {name: tf.TensorSpec([None], tf.float32, name) for name in ("title", "year")}
    saved = {"serving_default": function.get_concrete_function(**specs)}
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures=saved)
    before = (tmp_path / "saved_model.pb").read_bytes()
    rename_inputs(tmp_path, parameter_names(["title", "year"]))
    assert (tmp_path / "saved_model.pb").read_bytes() == before
    assert (tmp_path / "fingerprint.pb").exists()


def test_a_feature_makes_way_for_another_input():
    inputs = ServedInputs.of(["k", "item_k", "b64", "time", "K"], ["k", "history"])
    assert inputs.items == {
        "k": "item_item_k",  # `k` is the number of results, `item_k` another feature
        "item_k": "item_k",
        "b64": "item_b64",
        "time": "time",
        "K": "K",
    }
    assert inputs.users == {"k": "user_k", "history": "user_history"}
