"""Containers by the programs that run them."""

from __future__ import annotations

from typing import Any

from ansible_mitogen.kinds.declaration import USER, Asked, Kind, address, variable


def _docker(asked: Asked) -> dict[str, Any]:
    words: list[str] = []
    environment = asked.value("extra_env") or {}
    if not all(isinstance(text, str) for item in environment.items() for text in item):
        asked.refuse(extra_env="a value that is no text")
    for name, value in environment.items():
        words += ["-e", f"{name}={value}"]
    folder = asked.text("working_dir")
    if folder is not None:
        words += ["-w", folder]
    if asked.value("privileged"):
        words.append("--privileged")
    return {
        "container": asked.text("remote_addr"),
        "username": asked.text("remote_user") or asked.remote_user,
        # The stock plugin splits at blanks, and minds no quotes.
        "docker_args": (asked.text("docker_extra_args") or "").split(),
        "exec_args": words,
    }


def _podman(asked: Asked) -> dict[str, Any]:
    found = {
        "container": asked.address,
        "username": asked.remote_user,
        "podman_args": asked.words("podman_extra_args"),
    }
    program = asked.text("podman_executable")
    return found if program is None else {**found, "podman_path": program}


def _buildah(asked: Asked) -> dict[str, Any]:
    # The stock plugin names no root: the account is then the image's own choice.
    user = asked.remote_user
    return {"container": asked.address, "username": None if user == "root" else user}


#: Options of kubectl by those of the stock plugin, in front of its command there, behind it here.
_KUBECTL = {
    "kubectl_container": "-c",
    "kubectl_namespace": "-n",
    "kubectl_context": "--context",
    "kubectl_host": "--server",
    "kubectl_username": "--username",
    "client_cert": "--client-certificate",
    "client_key": "--client-key",
    "ca_cert": "--certificate-authority",
}


def _kubectl(asked: Asked) -> dict[str, Any]:
    asked.refuse(
        kubectl_password="a password among the arguments",  # noqa: S106 -- says so
        kubectl_token="a token among the arguments",  # noqa: S106 -- says so
        kubectl_local_env_vars="an environment of kubectl",
        # False is no argument in stock, and true is one that its kubectl does not take.
        validate_certs="a check of certificates",
    )
    if isinstance(asked.value("kubectl_kubeconfig"), dict):
        asked.refuse(kubectl_kubeconfig="a configuration that is no file")
    words = []
    for name, word in {"kubectl_kubeconfig": "--kubeconfig", **_KUBECTL}.items():
        value = asked.text(name)
        if value is not None:
            words += [word, value]
    words += (asked.text("kubectl_extra_args") or "").split()
    return {"pod": asked.text("kubectl_pod") or asked.address, "kubectl_args": words}


DOCKER = Kind(
    name="docker",
    twin="community.docker.docker",
    options=frozenset(
        {"remote_addr", "remote_user", "docker_extra_args", "container_timeout", "extra_env",
         "working_dir", "privileged"}
    ),
    hop_options=_docker,
    programs=("docker_path",),
    own={**address("docker"), **USER},
)  # fmt: skip
PODMAN = Kind(
    name="podman",
    twin="containers.podman.podman",
    options=frozenset({"remote_addr", "remote_user", "podman_extra_args", "podman_executable"}),
    hop_options=_podman,
    programs=("podman_path",),
    own={**address("podman"), **USER},
    raw_has_shell=False,
)
BUILDAH = Kind(
    name="buildah",
    twin="containers.podman.buildah",
    options=frozenset({"remote_addr", "remote_user"}),
    hop_options=_buildah,
    programs=("buildah_path",),
    own={**address("buildah"), **USER},
    raw_has_shell=False,
)
KUBECTL = Kind(
    name="kubectl",
    twin="kubernetes.core.kubectl",
    options=frozenset(
        {"kubectl_pod", "kubectl_kubeconfig", "kubectl_password", "kubectl_token",
         "kubectl_local_env_vars", "kubectl_extra_args", "validate_certs", *_KUBECTL}
    ),
    hop_options=_kubectl,
    programs=("kubectl_path",),
    own={
        **variable("kubectl_pod", "The pod; that of the host's name when not given."),
        **variable("kubectl_container", "The container of the pod."),
        **variable("kubectl_namespace", "The namespace of the pod."),
        **variable("kubectl_context", "The context of the configuration."),
        **variable("kubectl_kubeconfig", "The configuration file."),
        **variable("kubectl_extra_args", "More arguments, split at blanks."),
    },
)  # fmt: skip
