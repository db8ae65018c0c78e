import json
import os
from pathlib import Path

import pytest
import requests
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

SERVING = Path(__file__).parents[2] / "serving"


def models_config():
    config = model_server_config_pb2.ModelServerConfig()
    return text_format.Parse((SERVING / "models.config").read_text(encoding="utf-8"), config)


def compose():
    content = (SERVING / "docker-compose.yml").read_text(encoding="utf-8")
    return yaml.safe_load(content)["services"]["tf-serving"]


def test_models_config_names_folders_under_the_mounted_one():
    targets = {volume.rsplit(":", 2)[1] for volume in compose()["volumes"]}
    assert targets == {"/models", "/config/models.config"}
    models = models_config().model_config_list.config
    assert [model.name for model in models] == ["demo"]
    for model in models:
        assert model.base_path == f"/models/{model.name}"
        assert model.model_platform == "tensorflow"


def test_compose_opens_both_ports_and_gives_the_config():
    service = compose()
    assert service["image"] == "tensorflow/serving:2.17.0"
    assert service["ports"] == ["8500:8500", "8501:8501"]
    assert "--model_config_file=/config/models.config" in service["command"]
    (config,) = (volume for volume in service["volumes"] if "models.config" in volume)
    assert (SERVING / config.split(":")[0]).is_file()


def test_the_readme_says_what_was_not_run():
    readme = " ".join((SERVING / "README.md").read_text(encoding="utf-8").split())
    assert "not run against tensorflow_model_server" in readme.replace("`", "")


def test_a_tensorflow_serving_answers():
    url = os.environ.get("TFMMREC_TF_SERVING_URL")
    if not url:
        pytest.skip("TFMMREC_TF_SERVING_URL is not set: no TensorFlow Serving to ask")
    name = os.environ.get("TFMMREC_TF_SERVING_MODEL", "demo")
    model = f"{url.rstrip('/')}/v1/models/{name}"
    (status,) = requests.get(model, timeout=30).json()["model_version_status"]
    assert status["state"] == "AVAILABLE"
    metadata = requests.get(f"{model}/metadata", timeout=30).json()["metadata"]
    inputs = metadata["signature_def"]["signature_def"]["serving_default"]["inputs"]
    row = {"history": [""], "exclude": [""], "k": 3}
    for key, info in inputs.items():
        absent = "" if info["dtype"] == "DT_STRING" else float("nan")
        is_list = len(info["tensor_shape"]["dim"]) > 1
        row.setdefault(key, [absent] if is_list else absent)
    # requests' own json= refuses NaN, which TensorFlow Serving takes.
    body = json.dumps({"instances": [row, row]})
    answer = requests.post(f"{model}:predict", data=body, timeout=30).json()
    assert [len(row["items"]) for row in answer["predictions"]] == [3, 3], answer
