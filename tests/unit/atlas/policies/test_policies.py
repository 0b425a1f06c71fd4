"""Policies: each rule on what breaks it and on what doesn't; resources from every kind of file.

Objects of a cluster that break one rule are on the pages of docs/problems, which are tests too.
"""

from __future__ import annotations

import copy
import json

import pytest
from pulumi.runtime.rpc import UNKNOWN

from atlas.errors import DocumentError
from atlas.policies import PlannedResource, check, manifest_resources, read, update_resources
from atlas.policies.check import RULES, TOGETHER
from atlas.validate.codes import CODES
from tests import policed

POD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "web",
            "image": "hub.example/web:1",
            "ports": [{"containerPort": 80}],
            "readinessProbe": {"tcpSocket": {"port": 80}},
            "resources": {
                "requests": {"cpu": "1", "memory": "1Gi"},
                "limits": {"memory": "1Gi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}


def workload(kind="Deployment", **spec):
    spec = {"template": {"metadata": {"labels": {"app": "web"}}, "spec": POD}, **spec}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    labels = {"app.kubernetes.io/part-of": "shop"}
    metadata = {"name": "web", "namespace": "shop", "labels": labels}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": metadata,
        "spec": POD if kind == "Pod" else spec,
    }  # fmt: skip


def changed(path, value, kind="Deployment"):
    manifest = copy.deepcopy(workload(kind))
    part = manifest["spec"]["template"]["spec"]
    for step in path[:-1]:
        part = part[step]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return manifest


def codes(*manifests):
    return [problem.code for problem in check(manifest_resources(manifests))]


WEB = ("containers", 0)


@pytest.mark.parametrize("type_", policed.BREAKING)
def test_types_of_the_platforms_resources_that_a_rule_looks_at(type_):
    assert policed.BREAKING[type_][0] in policed.codes_of(type_)


def test_every_code_of_a_policy_has_a_rule_and_every_rule_a_code():
    assert {code for code, _ in (*RULES, *TOGETHER)} == {
        code for code in CODES if code.startswith("K")
    }


@pytest.mark.parametrize(
    "kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"]
)
def test_pods_of_every_kind_are_looked_at(kind):
    manifest = copy.deepcopy(workload(kind))
    assert codes(manifest) == []
    text = json.dumps(manifest).replace("hub.example/web:1", "hub.example/web:latest")
    (problem,) = check(manifest_resources([json.loads(text)]))
    assert problem.code == "K001"
    assert "containers.web.image" in problem.path


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ((*WEB, "image"), "web", "K001"),
        ((*WEB, "image"), "hub.example:5000/web", "K001"),
        ((*WEB, "image"), "", "K001"),
        ((*WEB, "securityContext", "privileged"), True, "K002"),
        ((*WEB, "securityContext", "capabilities", "add"), ["SYS_ADMIN"], "K002"),
        (("hostPID",), True, "K002"),
        (("hostIPC",), True, "K002"),
        (("volumes",), [{"name": "all", "hostPath": {"path": "/"}}], "K002"),
        ((*WEB, "securityContext", "allowPrivilegeEscalation"), None, "K003"),
        ((*WEB, "securityContext", "runAsUser"), 0, "K003"),
        ((*WEB, "securityContext", "runAsNonRoot"), False, "K003"),
        (("securityContext", "seccompProfile"), {"type": "Unconfined"}, "K003"),
        (("securityContext",), None, "K003"),
        ((*WEB, "resources", "limits"), {"cpu": "1"}, "K004"),
        ((*WEB, "resources"), None, "K004"),
        ((*WEB, "readinessProbe"), None, "K005"),
        ((*WEB, "env"), [{"name": "API_TOKEN", "value": "t"}], "K008"),
        ((*WEB, "env"), [{"name": "dbPassword", "value": "t"}], "K008"),
    ],
)
def test_one_change_breaks_one_rule(path, value, code):
    assert codes(changed(path, value)) == [code]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*WEB, "image"), f"hub.example/web@sha256:{'a' * 64}"),
        ((*WEB, "securityContext", "capabilities", "add"), ["NET_BIND_SERVICE"]),
        ((*WEB, "ports"), None),
        ((*WEB, "env"), [{"name": "API_TOKEN", "value": ""}]),
        ((*WEB, "env"), [{"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {}}}]),
        ((*WEB, "env"), [{"name": "TOKEN_PATH", "value": "/var/run/token"}]),
    ],
)
def test_what_looks_like_a_mistake_and_is_none(path, value):
    assert codes(changed(path, value)) == []


def test_containers_that_run_first_are_looked_at_and_need_no_probes():
    first = {key: value for key, value in POD["containers"][0].items() if key != "readinessProbe"}
    assert codes(changed(("initContainers",), [first])) == []
    beside = {**first, "restartPolicy": "Always"}
    assert codes(changed(("initContainers",), [beside])) == ["K005"]
    assert codes(changed(("initContainers",), [{**first, "image": "a"}])) == ["K001"]


def test_an_object_is_let_off_a_rule_that_it_gives_a_reason_for():
    manifest = changed(("hostPID",), True)
    manifest["metadata"]["annotations"] = {"policies.atlas/K002": "reads the node's processes"}
    assert codes(manifest) == []
    manifest["metadata"]["annotations"] = {"policies.atlas/K002": " "}
    assert codes(manifest) == ["K002"]
    manifest["metadata"]["annotations"] = {"policies.atlas/K003": "another rule"}
    assert codes(manifest) == ["K002"]


def policy(**spec):
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "shop"}, "spec": spec,
    }  # fmt: skip


NAMESPACE = {
    "apiVersion": "v1", "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {"app.kubernetes.io/part-of": "shop"}},
}  # fmt: skip
BOTH = ["Ingress", "Egress"]


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"podSelector": {}, "policyTypes": BOTH}, []),
        ({"podSelector": {}, "policyTypes": ["Ingress"]}, ["K010"]),
        ({"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": BOTH}, ["K010"]),
        ({"podSelector": {}, "policyTypes": BOTH, "egress": [{}]}, ["K010"]),
    ],
)
def test_a_namespace_is_closed_by_a_policy_that_denies_everything_to_all(spec, found):
    assert codes(NAMESPACE, policy(**spec)) == found


def budget(**labels):
    return {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": labels}},
    }  # fmt: skip


def test_several_replicas_need_a_budget_that_selects_them():
    assert codes(workload(replicas=1)) == []
    assert codes(workload(replicas=2)) == ["K011"]
    assert codes(workload(replicas=2), budget(app="web")) == []
    assert codes(workload(replicas=2), budget(app="other")) == ["K011"]
    assert codes(workload(replicas=2), budget()) == ["K011"]


@pytest.mark.parametrize(("verbs", "resources", "found"), [
    (["*"], ["pods"], ["K009"]), (["get"], ["*"], ["K009"]), (["get"], ["pods"], []),
])  # fmt: skip
def test_roles(verbs, resources, found):
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "web"},
        "rules": [{"apiGroups": [""], "verbs": verbs, "resources": resources}],
    }  # fmt: skip
    assert codes(role) == found


@pytest.mark.parametrize(("role", "found"), [("cluster-admin", ["K009"]), ("view", [])])
def test_accounts_that_may_do_everything(role, found):
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "web"}, "roleRef": {"kind": "ClusterRole", "name": role},
    }  # fmt: skip
    assert codes(binding) == found


def test_services_of_the_internet_name_who_may_come():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    assert codes({**service, "spec": {"type": "ClusterIP"}}) == []
    assert codes({**service, "spec": {"type": "LoadBalancer"}}) == ["K006"]
    ranges = {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}
    assert codes({**service, "spec": ranges}) == []


@pytest.mark.parametrize(
    ("provisioner", "parameters", "found"),
    [
        ("ebs.csi.aws.com", {"type": "gp3"}, ["K007"]),
        ("ebs.csi.aws.com", {"encrypted": "false"}, ["K007"]),
        ("ebs.csi.aws.com", {"encrypted": "true"}, []),
        ("rancher.io/local-path", None, []),
    ],
)
def test_classes_of_volumes_of_ebs_are_encrypted(provisioner, parameters, found):
    class_ = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "a"}}
    assert codes({**class_, "provisioner": provisioner, "parameters": parameters}) == found


def cloud(kind, **inputs):
    return PlannedResource(type=f"aws:{kind}", name="one", inputs=inputs)


def may(actions, **more):
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


V2 = {"httpTokens": "required", "httpPutResponseHopLimit": 1}
TAGS = {"tags": {"team": "shop"}}
AWS = [
    (cloud("ec2/securityGroup:SecurityGroup", ingress=[{"cidrBlocks": ["0.0.0.0/0"]}]), ["K006"]),
    (cloud("ec2/securityGroup:SecurityGroup", ingress=[{"cidrBlocks": ["10.0.0.0/8"]}]), []),
    (cloud("ec2/securityGroup:SecurityGroup", egress=[{"cidrBlocks": ["0.0.0.0/0"]}]), []),
    (cloud("ec2/securityGroupRule:SecurityGroupRule", type="ingress", ipv6CidrBlocks=["::/0"]), ["K006"]),
    (cloud("ec2/securityGroupRule:SecurityGroupRule", type="egress", cidrBlocks=["0.0.0.0/0"]), []),
    (cloud("vpc/securityGroupIngressRule:SecurityGroupIngressRule", cidrIpv4="0.0.0.0/0"), ["K006"]),
    (cloud("rds/instance:Instance", storageEncrypted=True, backupRetentionPeriod=7, **TAGS), []),
    (cloud("rds/instance:Instance", storageEncrypted=True, backupRetentionPeriod=7), ["K012"]),
    (cloud("rds/instance:Instance", backupRetentionPeriod=7, **TAGS), ["K007"]),
    (cloud("rds/instance:Instance", storageEncrypted=True, **TAGS), ["K015"]),
    (cloud("rds/cluster:Cluster", storageEncrypted=True, **TAGS), []),
    (cloud("rds/instance:Instance", storageEncrypted=True, replicateSourceDb="a", **TAGS), []),
    (cloud("ec2/subnet:Subnet", mapPublicIpOnLaunch=True, **TAGS), ["K006"]),
    (cloud("ec2/instance:Instance", associatePublicIpAddress=True, metadataOptions=V2), ["K006"]),
    (cloud("s3/bucketPolicy:BucketPolicy", policy=may("s3:GetObject", Principal="*")), ["K006"]),
    (cloud("s3/bucketPolicy:BucketPolicy", policy=may("s3:GetObject", Principal={"AWS": ["*"]})), ["K006"]),
    (cloud("s3/bucketPolicy:BucketPolicy", policy=may("s3:*", Principal="*", Condition={"a": 1})), []),
    (cloud("s3/bucketPolicy:BucketPolicy", policy=may("s3:*", Principal="*", Effect="Deny")), []),
    (cloud("iam/role:Role", assumeRolePolicy=may("sts:AssumeRole", Principal="*")), ["K006"]),
    (cloud("iam/role:Role", assumeRolePolicy="unknown yet"), []),
    (cloud("iam/rolePolicy:RolePolicy", policy=may("*")), ["K009"]),
    (cloud("iam/policy:Policy", policy=may(["s3:GetObject", "ec2:*"])), ["K009"]),
    (cloud("iam/policy:Policy", policy=may("s3:*", Resource=["arn:aws:s3:::b"])), []),
    (cloud("iam/policy:Policy", policy=may("ec2:Describe*")), []),
    (cloud("iam/rolePolicyAttachment:RolePolicyAttachment", policyArn="arn:aws:iam::aws:policy/AdministratorAccess"), ["K009"]),
    (cloud("iam/rolePolicyAttachment:RolePolicyAttachment", policyArn="arn:aws:iam::aws:policy/ReadOnlyAccess"), []),
    (cloud("s3/bucketPublicAccessBlock:BucketPublicAccessBlock", blockPublicAcls=True), ["K013"]),
    (cloud("s3/bucketAcl:BucketAcl", acl="public-read"), ["K013"]),
    (cloud("s3/bucketAcl:BucketAcl", acl="private"), []),
    (cloud("ec2/launchTemplate:LaunchTemplate", **TAGS), ["K014"]),
    (cloud("ec2/launchTemplate:LaunchTemplate", metadataOptions=V2, **TAGS), []),
    (cloud("ec2/launchTemplate:LaunchTemplate", metadataOptions={**V2, "httpPutResponseHopLimit": 2}, **TAGS), ["K014"]),
    (cloud("ec2/launchTemplate:LaunchTemplate", metadataOptions={"httpEndpoint": "disabled"}, **TAGS), []),
    (cloud("ec2/launchTemplate:LaunchTemplate", metadataOptions=V2, blockDeviceMappings=[{"ebs": {}}], **TAGS), ["K007"]),
    (cloud("ec2/launchTemplate:LaunchTemplate", metadataOptions=V2, blockDeviceMappings=[{"ebs": {"encrypted": "true"}}], **TAGS), []),
    (cloud("kms/key:Key", **TAGS), ["K016"]),
    (cloud("kms/key:Key", enableKeyRotation=True, **TAGS), []),
    (cloud("kms/key:Key", customerMasterKeySpec="ECC_NIST_P256", **TAGS), []),
    (cloud("cloudwatch/logGroup:LogGroup", kmsKeyId="a", **TAGS), ["K017"]),
    (cloud("cloudwatch/logGroup:LogGroup", kmsKeyId="a", retentionInDays=7, **TAGS), []),
    (cloud("rds/instance:Instance", storageEncrypted=True, backupRetentionPeriod=7, publiclyAccessible=True, **TAGS), ["K006"]),
    (cloud("eks/cluster:Cluster", encryptionConfig={"a": 1}, vpcConfig={"endpointPublicAccess": False}, **TAGS), []),
    (cloud("eks/cluster:Cluster", encryptionConfig={"a": 1}, **TAGS), ["K006"]),
    (cloud("eks/cluster:Cluster", encryptionConfig={"a": 1}, vpcConfig={"publicAccessCidrs": ["192.0.2.0/24"]}, **TAGS), []),
    (cloud("secretsmanager/secretVersion:SecretVersion", secretString="hunter2"), ["K008"]),
    (cloud("secretsmanager/secretVersion:SecretVersion", secretString="[secret]"), []),
    (cloud("secretsmanager/secretVersion:SecretVersion", secretString=UNKNOWN), []),
    (cloud("ssm/parameter:Parameter", type="SecureString", value="hunter2"), ["K008"]),
    (cloud("ssm/parameter:Parameter", type="String", value="eu"), []),
    (cloud("rds/cluster:Cluster", storageEncrypted=True, masterPassword="hunter2", **TAGS), ["K008"]),
    (cloud("s3/bucket:Bucket", bucket="b", **TAGS), ["K007", "K015", "K018"]),
    (cloud("s3/bucket:Bucket", bucket="b", tags={f"policies.atlas/{code}": "a cache" for code in ("K007", "K015", "K018")}), []),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "found"), AWS)
def test_resources_of_aws(resource, found):
    assert [problem.code for problem in check([resource])] == found


def beside(**more):
    """Return what makes a bucket of some name, or taken from some resource, a good one."""
    kind = "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    tls = may("s3:*", Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    enabled = {"versioningConfiguration": {"status": "Enabled"}}
    return [
        PlannedResource(type=f"aws:{kind}", name=name, inputs={**more["inputs"], **own},
                        references=more.get("references", {}))
        for kind, name, own in (
            (kind, "a", {}),
            ("s3/bucketVersioning:BucketVersioning", "b", enabled),
            ("s3/bucketPolicy:BucketPolicy", "c", {"policy": tls}),
        )
    ]  # fmt: skip


def test_a_bucket_is_what_resources_beside_it_make_of_it():
    bucket = cloud("s3/bucket:Bucket", bucket="b", **TAGS)
    assert check([bucket, *beside(inputs={"bucket": "b"})]) == []
    found = check([bucket, *beside(inputs={"bucket": "c"})])
    assert [one.code for one in found] == ["K007", "K015", "K018"]


def test_a_bucket_whose_name_is_unknown_yet_is_known_by_what_takes_it():
    urn = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::data"
    bucket = PlannedResource(type="aws:s3/bucket:Bucket", name="data", inputs=TAGS, urn=urn)
    unknown = {"bucket": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    taken = beside(inputs=unknown, references={"bucket": [urn]})
    assert check([bucket, *taken]) == []
    others = beside(inputs=unknown, references={"bucket": [f"{urn}-2"]})
    assert [one.code for one in check([bucket, *others])] == ["K007", "K015", "K018"]


@pytest.mark.parametrize(("tags", "found"), [
    ('{"tags": {"team": "shop"}}', []), ({"tags": {"team": "shop"}}, []), ("{}", ["K012"]),
    ("no JSON", ["K012"]),
])  # fmt: skip
def test_tags_may_be_those_that_the_provider_gives_everything(tags, found):
    urn = "urn:pulumi:dev::shop::pulumi:providers:aws::aws"
    state = {
        "type": "aws:ec2/vpc:Vpc",
        "urn": "urn:a::b::c::net",
        "inputs": {"cidrBlock": "10.0.0.0/16"},
    }
    provider = {"type": "pulumi:providers:aws", "urn": urn, "inputs": {"defaultTags": tags}}
    states = [{**state, "provider": f"{urn}::04da6b54"}, provider]
    resources = update_resources({"deployment": {"resources": states}})
    assert [one.code for one in check(resources)] == found


@pytest.mark.parametrize("value", [None, 1, "text", [], {}, [None], {"a": None}, "[1]"])
def test_resources_of_aws_of_any_shape_are_looked_at_without_an_error(value):
    keys = ("policy", "assumeRolePolicy", "policyArn", "metadataOptions", "blockDeviceMappings",
            "ingress", "vpcConfig", "tags", "acl", "versioning", "bucket")  # fmt: skip
    for kind in ("s3/bucket:Bucket", "ec2/launchTemplate:LaunchTemplate", "iam/policy:Policy",
                 "eks/cluster:Cluster", "s3/bucketPolicy:BucketPolicy", "kms/key:Key",
                 "ec2/securityGroup:SecurityGroup", "s3/bucketVersioning:BucketVersioning"):  # fmt: skip
        check([cloud(kind, **dict.fromkeys(keys, value))])


def test_problems_come_by_resource_and_say_where(tmp_path):
    path = tmp_path / "objects.json"
    path.write_text(json.dumps({"kind": "List", "items": [
        changed((*WEB, "resources"), None), changed((*WEB, "image"), "web", "StatefulSet"),
    ]}))  # fmt: skip
    found = check(read(path))
    assert [problem.code for problem in found] == ["K004", "K001"]
    assert found[0].file == str(path)
    assert found[0].path.startswith("Deployment shop/web: spec.template.spec.containers.web")


def test_what_an_update_leaves_behind_is_checked_and_what_goes_is_not(tmp_path):
    urn = "urn:pulumi:dev::shop::kubernetes:apps/v1:Deployment::web"
    bad = {
        "type": "kubernetes:apps/v1:Deployment",
        "urn": urn,
        "inputs": changed((*WEB, "image"), "web"),
    }
    database = {
        "type": "aws:rds/instance:Instance",
        "urn": "urn:pulumi:dev::shop::aws:rds/instance:Instance::db",
        "inputs": {"backupRetentionPeriod": 7, **TAGS},
    }
    steps = [
        {"op": "create", "newState": bad},
        {"op": "delete", "oldState": bad, "newState": database},
    ]
    assert [one.code for one in check(update_resources({"steps": steps}))] == ["K001"]
    path = tmp_path / "preview.json"
    path.write_text(json.dumps({"steps": [{"op": "same", "newState": database}]}))
    (problem,) = check(read(path))
    assert (problem.code, problem.path) == (
        "K007",
        "aws:rds/instance:Instance db: storageEncrypted",
    )
    path.write_text(
        json.dumps({"version": 3, "deployment": {"resources": [bad, database, {"urn": "stack"}]}})
    )
    assert [one.code for one in check(read(path))] == ["K001", "K007"]


@pytest.mark.parametrize("value", ["[secret]", {"4dabf18193072939515e22adb298388d": "1b4"}])
@pytest.mark.parametrize(
    ("path", "at"),
    [
        (("containers",), "spec.template.spec.containers"),
        (("initContainers",), "spec.template.spec.initContainers"),
        ((), "spec.template.spec"),
    ],
    ids=["containers", "initContainers", "pod"],
)
def test_a_secret_among_containers_that_hides_them_from_all_rules_is_found(path, at, value):
    manifest = copy.deepcopy(workload())
    if path:
        manifest["spec"]["template"]["spec"][path[0]] = value
    else:
        manifest["spec"]["template"]["spec"] = value
    (problem,) = check(manifest_resources([manifest]))
    assert (problem.code, problem.path) == ("K008", f"Deployment shop/web: {at}")


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ((), ""),
        (("containers",), ".containers"),
        (("containers", 0), ".containers.0"),
        (("containers", 0, "image"), ".containers.web.image"),
        (("containers", 0, "securityContext"), ".containers.web.securityContext"),
        (("containers", 0, "securityContext", "capabilities", "drop"), ".containers.web.securityContext.capabilities.drop"),
        (("containers", 0, "resources", "limits"), ".containers.web.resources.limits"),
        (("securityContext",), ".securityContext"),
        (("securityContext", "runAsNonRoot"), ".securityContext.runAsNonRoot"),
        (("hostNetwork",), ".hostNetwork"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_preview_of_pods_does_not_know_is_told_as_that_alone(path, at):
    manifest = copy.deepcopy(workload())
    if path:
        manifest = changed(path, UNKNOWN)
    else:
        manifest["spec"]["template"]["spec"] = UNKNOWN
    (problem,) = check(manifest_resources([manifest]))
    assert (problem.code, problem.severity) == ("K019", "warning")
    assert problem.path == f"Deployment shop/web: spec.template.spec{at}"


def test_what_is_known_beside_an_unknown_value_is_checked():
    manifest = changed(("containers", 0, "image"), UNKNOWN)
    manifest["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = True
    assert codes(manifest) == ["K002", "K019"]
    manifest = changed(("containers", 0, "env"), [{"name": "HOST", "value": UNKNOWN}])
    assert codes(manifest) == []


@pytest.mark.parametrize(
    ("kind", "inputs", "at"),
    [
        ("rds/instance:Instance", {"storageEncrypted": UNKNOWN, "backupRetentionPeriod": 7}, "storageEncrypted"),
        ("rds/instance:Instance", {"storageEncrypted": True, "backupRetentionPeriod": UNKNOWN}, "backupRetentionPeriod"),
        ("ec2/securityGroup:SecurityGroup", {"ingress": [{"cidrBlocks": [UNKNOWN]}]}, "ingress.0.cidrBlocks.0"),
        ("iam/policy:Policy", {"policy": UNKNOWN}, "policy"),
        ("ebs/volume:Volume", {"encrypted": UNKNOWN, "kmsKeyId": UNKNOWN}, "encrypted"),
    ],
)  # fmt: skip
def test_what_a_preview_of_aws_does_not_know_is_told(kind, inputs, at):
    (problem,) = check([cloud(kind, **inputs, **TAGS)])
    assert (problem.code, problem.path.partition(": ")[2]) == ("K019", at)


def test_a_preview_that_failed_is_refused(tmp_path):
    path = tmp_path / "preview.json"
    said = [{"severity": "warning"}, {"severity": "error", "message": "no"}]
    path.write_text(json.dumps({"steps": [], "diagnostics": said[:1]}))
    assert read(path) == []
    path.write_text(json.dumps({"steps": [], "diagnostics": said}))
    with pytest.raises(DocumentError, match="D001: holds a preview that failed"):
        read(path)


@pytest.mark.parametrize("text", ["", "[1", "- a", "text", "a: [", "---\n---\n"])
def test_a_file_that_has_no_resources_is_refused(tmp_path, text):
    path = tmp_path / "objects.yaml"
    path.write_text(text)
    with pytest.raises(
        DocumentError, match=r"objects\.yaml: error D001: (can't be read|found no objects)"
    ):
        read(path)
    with pytest.raises(DocumentError, match="can't be read"):
        read(tmp_path / "gone.yaml")


@pytest.mark.parametrize("value", [None, 1, "text", [], {}, [None], {"a": None}])
def test_objects_of_any_shape_are_looked_at_without_an_error(value):
    """Data of others is data: whatever stands in a file, a rule finds a problem or nothing."""
    for kind in (
        "Deployment",
        "CronJob",
        "Pod",
        "Role",
        "NetworkPolicy",
        "Service",
        "Ingress",
        "Namespace",
        "PodDisruptionBudget",
    ):
        for key in ("spec", "metadata", "rules"):
            check(manifest_resources([{"apiVersion": "v1", "kind": kind, key: value}]))
            check(manifest_resources([{"apiVersion": "v1", "kind": kind, "spec": {
                "template": {"spec": {"containers": value, "volumes": value, "securityContext": value}},
                "ingress": value, "tls": value, "selector": value, "policyTypes": value,
            }}]))  # fmt: skip


@pytest.mark.parametrize(("kind", "key"), [("Prometheus", "image"), ("Cluster", "imageName")])
def test_pods_of_an_operator_are_checked_by_the_object_that_they_are_made_of(kind, key):
    room = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    good = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": kind,
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {key: "quay.io/a/b:1.0", "resources": room},
    }
    assert check(manifest_resources([good])) == []
    bad = {**good, "spec": {key: "quay.io/a/b:latest"}}
    found = check(manifest_resources([bad]))
    assert [(one.code, one.path) for one in found] == [
        ("K001", f"{kind} b/a: spec.image"), ("K004", f"{kind} b/a: spec.resources"),
    ]  # fmt: skip
