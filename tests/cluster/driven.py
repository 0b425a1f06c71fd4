"""The pod that the driver of Kubeflow Pipelines 2.17 makes of a task, as far as packages say.

Its rules: ``initPodSpecPatch`` and ``extendPodSpecPatch`` of its package ``driver``. A setting that they
don't know, or that isn't of the form that they read, is an error here: it would be lost there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Json = dict[str, Any]


def pods(package: bytes) -> Iterator[tuple[str, Json]]:
    """Return the executors of a compiled package, with the spec of the pod that each becomes."""
    pipeline, platform = yaml.safe_load_all(package)
    platforms = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for name, executor in pipeline["deploymentSpec"]["executors"].items():
        yield name, _pod(executor["container"], dict(platforms.get(name, {})))


def _pod(container: Mapping[str, Any], settings: Json) -> Json:
    """Return the spec of a pod."""
    main = {
        "name": "main",
        "image": container["image"],
        "command": [*container["command"]],
        "args": [*container.get("args", ())],
        "env": [*container.get("env", ())],
        "resources": _resources(container.get("resources", {})),
        "volumeMounts": [],
    }
    spec: Json = {"restartPolicy": "Never", "containers": [main], "volumes": []}
    if "nodeSelector" in settings:
        spec["nodeSelector"] = settings.pop("nodeSelector")["labels"]
    spec["tolerations"] = [_toleration(one) for one in settings.pop("tolerations", ())]
    for one in settings.pop("secretAsVolume", ()):
        name = _constant(one, "secretName")
        source = {"secretName": name, "optional": bool(one.get("optional"))}
        spec["volumes"] += [{"name": name, "secret": source}]
        main["volumeMounts"] += [{"name": name, "mountPath": one["mountPath"]}]
    for kind, key, reference in (
        ("secretAsEnv", "secretKey", "secretKeyRef"),
        ("configMapAsEnv", "configMapKey", "configMapKeyRef"),
    ):
        for one in settings.pop(kind, ()):
            name = _constant(one, key.replace("Key", "Name"))
            for pair in one["keyToEnv"]:
                optional = {"optional": one["optional"]} if "optional" in one else {}
                source = {"name": name, "key": pair[key], **optional}
                main["env"] += [{"name": pair["envVar"], "valueFrom": {reference: source}}]
    if "activeDeadlineSeconds" in settings:
        spec["activeDeadlineSeconds"] = int(settings.pop("activeDeadlineSeconds"))
    assert not settings, f"not translated: {sorted(settings)}"
    return spec


def _constant(one: Mapping[str, Any], name: str) -> str:
    """Return a name, which the parameter that goes before it has to have as well."""
    constant = one[f"{name}Parameter"]["runtimeValue"]["constant"]
    assert constant == one[name]
    return str(constant)


def _resources(asked: Mapping[str, Any]) -> Json:
    """Return requests and limits: the texts go before the numbers."""
    found: Json = {"limits": {}, "requests": {}}
    for kind, name in (("Limit", "limits"), ("Request", "requests")):
        for resource in ("Cpu", "Memory"):
            if f"resource{resource}{kind}" in asked:
                found[name][resource.lower()] = asked[f"resource{resource}{kind}"]
    if "accelerator" in asked:
        one = asked["accelerator"]
        found["limits"][one["resourceType"]] = one["resourceCount"]
    return found


def _toleration(one: Mapping[str, Any]) -> Json:
    known = {"key", "operator", "value", "effect", "tolerationSeconds"}
    assert one.keys() <= known, one
    seconds = one.get("tolerationSeconds")
    return {**one, **({"tolerationSeconds": int(seconds)} if seconds is not None else {})}
