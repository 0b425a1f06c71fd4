"""The platform's program for AWS, as the engine runs it: every resource, with mocks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from atlas.policies import check, update_resources
from tests.aws_program import ACCOUNT, declare
from tests.cluster_program import KEY, cache
from tests.policed import unpoliced

OURS = {"airflow": "false", "kubeflow": "false", "prometheus": "false"}
"""Without what official manifests are needed for."""
OFFICIAL = [
    ("airflow", "local-executor"),
    ("kubeflow", "cluster-scoped-resources"),
    ("kubeflow", "platform-agnostic"),
    ("prometheus", "operator"),
]
SCHEMA = Path(__file__).parents[3] / "platform" / "atlas" / "schemas" / "outputs.v1.json"
PRODUCTION = {
    "size": "production",
    "publicAccess": ["203.0.113.0/24"],
    "admins": [f"arn:aws:iam::{ACCOUNT}:role/platform"],
    "identity": "irsa",
    "budget": "4000",
    "budgetEmails": ["platform@example.org"],
    "tags": {"cost-centre": "4711"},
    "teams": ["team-a"],
}


def run(folder, **settings):
    done = declare(folder, **settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return run(tmp_path_factory.mktemp("state"), **OURS)


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    return run(tmp_path_factory.mktemp("state"), **OURS, **PRODUCTION)


@pytest.fixture(scope="module")
def ephemeral(tmp_path_factory):
    """The whole platform, official manifests and all."""
    state = tmp_path_factory.mktemp("state")
    cache(state, *OFFICIAL)
    return run(state, ephemeral="true")


def of_type(printed, suffix):
    """Return the resources of a type, by name."""
    return {
        one["name"]: one
        for one in printed["resources"]
        if one["custom"] and one["type"].rpartition(":")[2] == suffix
    }


def only(printed, suffix):
    (found,) = of_type(printed, suffix).values()
    return found


def inputs(printed, suffix, name=None):
    one = only(printed, suffix) if name is None else of_type(printed, suffix)[name]
    return one["inputs"]


def after(printed, one):
    """Return type and name of everything that a resource waits for, directly or not."""
    known = {key(resource): resource for resource in printed["resources"]}
    found, todo = set(), needs(one)
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo += needs(known[current])
    return found


def needs(one):
    """Return type and name of what a resource names: what it waits for, and its provider."""
    providers = [one["provider"].rpartition("::")[0]] if one["provider"] else []
    return [
        (urn.split("::")[2].rpartition("$")[2], urn.rpartition("::")[2])
        for urn in (*one["after"], *providers)
    ]


def key(one):
    return one["type"], one["name"]


def aws_types(printed):
    return Counter(
        one["type"].removeprefix("aws:").rpartition(":")[2]
        for one in printed["resources"]
        if one["type"].startswith("aws:")
    )


def test_small_by_type(small):
    assert aws_types(small) == {
        "Vpc": 1, "Subnet": 6, "InternetGateway": 1, "NatGateway": 1, "Eip": 1, "RouteTable": 4,
        "RouteTableAssociation": 6, "VpcEndpoint": 1, "DefaultSecurityGroup": 1,
        "SecurityGroup": 1, "SecurityGroupIngressRule": 1, "LaunchTemplate": 3,
        "Key": 3, "Alias": 3, "LogGroup": 3,
        "Cluster": 1, "NodeGroup": 4, "Addon": 6, "PodIdentityAssociation": 9,
        "Role": 9, "RolePolicy": 5, "RolePolicyAttachment": 5,
        "Bucket": 1, "BucketPublicAccessBlock": 1, "BucketVersioning": 1, "BucketPolicy": 1,
        "BucketServerSideEncryptionConfiguration": 1, "BucketLifecycleConfiguration": 1,
        "BucketOwnershipControls": 1, "RepositoryCreationTemplate": 1,
        "Instance": 1, "SubnetGroup": 1, "ParameterGroup": 1, "Secret": 1, "SecretVersion": 1,
    }  # fmt: skip


def test_production_has_more_of_what_may_fail(production):
    found = aws_types(production)
    assert {name: found[name] for name in (
        "Subnet", "NatGateway", "VpcEndpoint", "FlowLog", "NodeGroup", "AccessEntry",
        "AccessPolicyAssociation", "Budget", "OpenIdConnectProvider", "PodIdentityAssociation",
    )} == {
        "Subnet": 9, "NatGateway": 3, "VpcEndpoint": 12, "FlowLog": 1, "NodeGroup": 5,
        "AccessEntry": 1, "AccessPolicyAssociation": 1, "Budget": 1, "OpenIdConnectProvider": 1,
        "PodIdentityAssociation": 0,
    }  # fmt: skip
    database = inputs(production, "Instance")
    assert (database["multiAz"], database["backupRetentionPeriod"]) == (True, 35)


def test_subnets_are_apart_and_in_the_zones_in_order(small, production):
    import ipaddress

    for printed, zones in ((small, "ab"), (production, "abc")):
        subnets = [one["inputs"] for one in of_type(printed, "Subnet").values()]
        blocks = [ipaddress.ip_network(one["cidrBlock"]) for one in subnets]
        assert not [1 for a in blocks for b in blocks if a is not b and a.overlaps(b)]
        assert {one["availabilityZone"][-1] for one in subnets} == set(zones)
        assert not any(one["mapPublicIpOnLaunch"] for one in subnets)


def test_another_zone_moves_no_subnet(small, production):
    def where(printed):
        return {n: one["inputs"]["cidrBlock"] for n, one in of_type(printed, "Subnet").items()}

    assert where(small).items() <= where(production).items()


def test_databases_reach_nothing_and_nodes_reach_the_internet_by_a_gateway(small):
    tables = of_type(small, "RouteTable")
    routes = {name: one["inputs"]["routes"] for name, one in tables.items()}
    assert routes["network-database"] == []
    assert {*routes["network-public"][0]} == {"cidrBlock", "gatewayId"}
    assert all("natGatewayId" in routes[f"network-private-{zone}"][0] for zone in "ab")


def test_nothing_is_public_unless_asked_for(small, production):
    access = inputs(small, "Cluster")["vpcConfig"]
    assert access["endpointPrivateAccess"] is True
    assert (access["endpointPublicAccess"], "publicAccessCidrs" in access) == (False, False)
    asked = inputs(production, "Cluster")["vpcConfig"]
    assert asked["publicAccessCidrs"] == ["203.0.113.0/24"]
    block = inputs(small, "BucketPublicAccessBlock")
    assert {value for value in block.values() if isinstance(value, bool)} == {True}
    rule = inputs(small, "SecurityGroupIngressRule")
    assert (rule["referencedSecurityGroupId"], "cidrIpv4" in rule) == ("sg-cluster", False)
    assert not of_type(small, "Ingress")


def test_the_cluster_lets_in_by_access_entries_and_logs_and_encrypts(small):
    cluster = inputs(small, "Cluster")
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["bootstrapSelfManagedAddons"] is False
    assert cluster["encryptionConfig"]["resources"] == ["secrets"]
    assert len(cluster["enabledClusterLogTypes"]) == 5
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    plugin = of_type(small, "Addon")["vpc-cni"]["inputs"]
    assert json.loads(plugin["configurationValues"]) == {"enableNetworkPolicy": "true"}
    assert plugin["podIdentityAssociations"][0]["serviceAccount"] == "aws-node"


def test_machines_ask_for_tokens_and_pods_get_none_and_disks_are_encrypted(small):
    for name, one in of_type(small, "LaunchTemplate").items():
        found = one["inputs"]
        assert found["metadataOptions"] == {
            "httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1,
        }, name  # fmt: skip
        (disk,) = found["blockDeviceMappings"]
        assert disk["ebs"]["encrypted"] == "true"
        assert {spec["resourceType"] for spec in found["tagSpecifications"]} == {
            "instance", "volume", "network-interface",
        }  # fmt: skip
        for spec in found["tagSpecifications"]:
            assert spec["tags"]["atlas:stack"] == "dev"


def test_groups_of_nodes(small):
    groups = of_type(small, "NodeGroup")
    assert set(groups) == {"nodes-cpu-a", "nodes-cpu-b", "nodes-gpu", "nodes-spot"}
    gpu, spot = groups["nodes-gpu"]["inputs"], groups["nodes-spot"]["inputs"]
    assert gpu["amiType"] == "AL2023_x86_64_NVIDIA"
    assert gpu["taints"][0]["key"] == "nvidia.com/gpu"
    assert (spot["capacityType"], len(spot["instanceTypes"])) == ("SPOT", 6)
    assert spot["taints"][0] == {"key": "atlas/spot", "value": "true", "effect": "NO_SCHEDULE"}
    for one in groups.values():
        assert one["ignored"] == ["scalingConfig.desiredSize"]
    assert len(groups["nodes-cpu-a"]["inputs"]["subnetIds"]) == 1


def test_what_is_made_last_goes_first_so_that_no_interface_is_left_behind(small):
    groups = of_type(small, "NodeGroup").values()
    addons = of_type(small, "Addon")
    routes = {key(one) for one in of_type(small, "RouteTableAssociation").values()}
    for group in groups:
        before = after(small, group)
        # The network plugin takes the nodes' interfaces away: it has to be there longer.
        assert key(addons["vpc-cni"]) in before
        assert key(only(small, "NatGateway")) in before
        assert routes & before == {one for one in routes if "database" not in one[1]}
        assert not any(key(addons[name]) in before for name in ("coredns", "aws-ebs-csi-driver"))
    objects = [one for one in small["resources"] if one["type"].startswith("kubernetes:")]
    needed = [*groups, *addons.values(), *of_type(small, "PodIdentityAssociation").values()]
    for one in objects:
        assert {key(need) for need in needed} <= after(small, one), one["name"]
    # EKS removes its own security group with the cluster, if no rule names it any more.
    assert key(only(small, "Cluster")) in after(small, only(small, "SecurityGroupIngressRule"))


def test_the_cluster_is_the_same_one_whatever_its_kubeconfig(small):
    provider = next(
        one["inputs"] for one in small["resources"]
        if one["type"] == "pulumi:providers:kubernetes"
    )  # fmt: skip
    assert provider["clusterIdentifier"].startswith("arn:")
    file = json.loads(provider["kubeconfig"])
    assert file["users"][0]["user"]["exec"]["args"][:2] == ["--region", "eu-west-1"]


def test_data_are_protected_but_on_ephemeral_stacks(small, ephemeral):
    def protected(printed):
        return {one["name"] for one in printed["resources"] if one["protect"]}

    assert protected(small) == {"store", "database", "keys-data"}
    kept = inputs(small, "Instance")
    assert (kept["deletionProtection"], kept["skipFinalSnapshot"]) == (True, False)
    assert inputs(small, "Cluster")["deletionProtection"] is True
    assert protected(ephemeral) == set()
    gone = inputs(ephemeral, "Instance")
    assert (gone["deletionProtection"], gone["skipFinalSnapshot"]) == (False, True)
    assert inputs(ephemeral, "Bucket")["forceDestroy"] is True
    assert inputs(ephemeral, "Secret", "database")["recoveryWindowInDays"] == 0


def test_pods_have_the_folders_that_they_need_and_no_others(small):
    def folders(role):
        policy = json.loads(inputs(small, "RolePolicy", f"pods-{role}")["policy"])
        return {
            (action, resource.partition(":::")[2])
            for statement in policy["Statement"]
            for action in statement["Action"]
            for resource in statement["Resource"]
            if action in ("s3:GetObject", "s3:PutObject")
        }

    assert folders("mlflow") == {
        ("s3:GetObject", "store/mlflow/*"), ("s3:PutObject", "store/mlflow/*")
    }  # fmt: skip
    assert ("s3:GetObject", "store/dags/*") in folders("airflow")
    assert ("s3:PutObject", "store/dags/*") not in folders("airflow")
    assert folders("steps") == {
        ("s3:GetObject", "store/store/*"), ("s3:PutObject", "store/store/*")
    }  # fmt: skip


def test_pods_have_roles_by_pod_identity_or_by_irsa(small, production):
    trust = json.loads(inputs(small, "Role", "pods-steps")["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    given = of_type(small, "PodIdentityAssociation")
    assert given["pods-mlflow-atlas-mlflow"]["inputs"]["namespace"] == "atlas"
    trust = json.loads(inputs(production, "Role", "pods-steps")["assumeRolePolicy"])["Statement"][0]
    subjects = trust["Condition"]["StringEquals"]["oidc.example/id/1:sub"]
    assert "system:serviceaccount:team-a:atlas-steps" in subjects
    account = inputs(production, "ServiceAccount", "atlas/ServiceAccount/mlflow")
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].startswith("arn:")


def test_the_platform_uses_the_accounts_services_without_keys(small):
    names = {one["name"] for one in small["resources"]}
    assert not [
        one for one in names if "object-store" in one or one.endswith("Deployment/registry")
    ]
    mlflow = inputs(small, "Deployment", "atlas/Deployment/mlflow")
    (container,) = mlflow["spec"]["template"]["spec"]["containers"]
    variables = {one["name"] for one in container["env"]}
    assert not variables & {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"}
    (job,) = of_type(small, "Job").values()
    (container,) = job["inputs"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "PGHOST", "value": "atlas-dev.example"} in container["env"]
    policies = of_type(small, "NetworkPolicy")
    (outside,) = [
        one for name, one in policies.items() if name == "atlas/NetworkPolicy/allow-outside"
    ]
    blocks = [rule["to"][0]["ipBlock"]["cidr"] for rule in outside["inputs"]["spec"]["egress"]]
    assert blocks == ["169.254.170.23/32", "10.64.0.0/16"]


def test_passwords_are_secret_and_nowhere_else(small):
    password = small["credentials"]["mlflow"]["password"]
    text = json.dumps(small["platform"])
    assert KEY not in text
    assert password not in text
    database = inputs(small, "Instance")["password"]
    assert set(database) == {"secret!"}
    assert "secret!" in inputs(small, "SecretVersion")["secretString"]
    plain = json.dumps([hidden(one["inputs"]) for one in small["resources"]])
    assert database["secret!"] not in plain
    assert KEY not in plain


def hidden(value):
    if isinstance(value, dict):
        return "" if "secret!" in value else {k: hidden(v) for k, v in value.items()}
    return [hidden(part) for part in value] if isinstance(value, list) else value


def opened(value):
    if isinstance(value, dict):
        return (
            opened(value["secret!"])
            if "secret!" in value
            else {k: opened(v) for k, v in value.items()}
        )
    return [opened(part) for part in value] if isinstance(value, list) else value


def test_everything_is_tagged_by_the_provider(production):
    provider = next(
        one["inputs"] for one in production["resources"] if one["type"] == "pulumi:providers:aws"
    )
    found = provider["defaultTags"]
    tags = json.loads(found)["tags"] if isinstance(found, str) else found["tags"]
    assert tags == {
        "atlas:stack": "dev", "managed-by": "pulumi", "part-of": "atlas", "cost-centre": "4711"
    }  # fmt: skip
    for one in production["resources"]:
        if one["type"].startswith("aws:"):
            assert one["provider"].rpartition("::")[0].endswith("pulumi:providers:aws::aws"), one


def made_urn(one):
    """Return the URN that mocks give a resource."""
    types = [part for part in one["parent"].split("::")[2:3] if one["parent"]]
    return f"urn:pulumi:stack::project::{'$'.join([*types, one['type']])}::{one['name']}"


def shown(one):
    """Return inputs as previews show them: a secret isn't, but those of objects are opened here."""
    if not one["type"].startswith("aws:"):
        return opened(one["inputs"])
    is_secret = {key for key, value in one["inputs"].items() if "secret!" in str(value)}
    return {**opened(one["inputs"]), **dict.fromkeys(is_secret, "[secret]")}


def planned(printed):
    """Return resources as `pulumi preview --json` prints them."""
    return {
        "steps": [
            {
                "op": "create",
                "newState": {
                    "type": one["type"], "urn": made_urn(one), "provider": one["provider"],
                    "inputs": shown(one), "propertyDependencies": one["references"],
                },
            }
            for one in printed["resources"]
        ]
    }  # fmt: skip


@pytest.mark.parametrize("size", ["small", "production", "ephemeral"])
def test_every_resource_meets_every_policy(size, request):
    found = update_resources(planned(request.getfixturevalue(size)))
    assert len(found) > 100
    assert [str(problem) for problem in check(found) if problem.severity == "error"] == []


@pytest.mark.parametrize("size", ["small", "production", "ephemeral"])
def test_every_type_has_a_policy_or_a_reason_why_not(size, request):
    found = update_resources(planned(request.getfixturevalue(size)))
    assert unpoliced(one.type for one in found) == set()


def test_outputs_meet_their_schema(small):
    schema = json.loads(SCHEMA.read_text("utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(small["platform"])
    assert [error.message for error in errors] == []
    services = small["platform"]["services"]
    assert small["platform"]["target"] == "aws"
    assert services["store"]["url"] == f"s3://atlas-dev-{ACCOUNT}-eu-west-1/store"
    assert services["registry"]["url"] == f"https://{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"


def test_the_whole_platform(ephemeral):
    printed = ephemeral
    assert {"airflow", "kubeflow", "prometheus"} <= printed["platform"]["services"].keys()
    scheduler = next(
        one["inputs"] for one in printed["resources"]
        if one["name"].startswith("airflow/") and one["name"].endswith("/airflow-scheduler")
        and one["type"].startswith("kubernetes:apps")
    )  # fmt: skip
    text = json.dumps(scheduler)
    assert f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com" in text
    connection = opened(inputs(printed, "Secret", "airflow/Secret/airflow-store")["stringData"])
    assert json.loads(connection["connection"]) == {
        "conn_type": "aws", "extra": {"region_name": "eu-west-1"}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"region": "null"}, "atlas:region: not set; expected a region"),
        ({"region": "europe"}, "atlas:region: found 'europe'; expected a region"),
        ({"cidr": "10.64.0.0/24"}, "atlas:cidr: found '10.64.0.0/24', 256 addresses; expected"),
        ({"cidr": "10.64.1.0/16"}, "atlas:cidr: found '10.64.1.0/16'; expected a block such as"),
        ({"cidr": "8.8.0.0/16"}, "expected private addresses"),
        ({"cidr": "172.20.0.0/16"}, "overlaps 172.20.0.0/16 (the addresses of the cluster's serv"),
        ({"otherNetworks": ["10.0.0.0/8"]}, "overlaps 10.0.0.0/8 (a network of atlas:otherNetwor"),
        ({"nodes": {"cpu": {"types": ["big"]}}}, "atlas:nodes.cpu.types: found 'big'; expected"),
        ({"nodes": {"gpu": {"types": ["m7i.large"]}}}, "expected types with a GPU"),
        ({"nodes": {"cpu": {"types": ["m7i.large", "m7g.large"]}}}, "of one processor"),
        ({"nodes": {"cpu": {"min": 1}}}, "expected an object of types, least, most, disk"),
        ({"nodes": {"cpu": {"least": 4}}}, "found least 4, most 3"),
        ({"zones": ["eu-west-1a"]}, "EKS and RDS take no fewer than two"),
        ({"zones": ["us-east-1a", "eu-west-1b"]}, "expected zones of eu-west-1"),
        ({"publicAcess": ["203.0.113.0/24"]}, "did you mean 'atlas:publicAccess'?"),
        ({"publicAccess": ["0.0.0.0/0"]}, "everybody on the internet; expected the addresses"),
        ({"databaseClass": "t4g.medium"}, "expected a class of RDS"),
        ({"nat": "none"}, "found 'none' without atlas:endpoints"),
        ({"kubernetesVersion": "1.29"}, "atlas:kubernetesVersion: found '1.29'; expected 1.3x"),
        ({"budget": "100"}, "found 100 with 0 atlas:budgetEmails"),
        ({"context": "mine"}, "the platform makes its own cluster on AWS"),
        ({"store": "s3://other/store"}, "expected a folder of s3://atlas-dev-123456789012-eu-wes"),
        ({"account": "12"}, "atlas:account: found '12'; expected the 12 digits"),
        ({"admins": ["me"]}, "atlas:admins: found 'me'; expected ARNs"),
        ({"logDays": "31"}, "atlas:logDays: found 31; expected one of"),
        ({"logDays": "ten"}, "atlas:logDays: found 'ten'; expected a whole number, 1 or more"),
        ({"endpoints": "perhaps"}, "atlas:endpoints: found 'perhaps'; expected true or false"),
        ({"ephemeral": "1"}, "atlas:ephemeral: found '1'; expected true or false"),
        ({"parallelism": "0"}, "atlas:parallelism: found 0; expected 1 or more"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_before_anything_is_made(settings, message, refused):
    assert message in refused(settings)


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Return what the settings reader says, in this process: nothing of AWS is imported."""
    import pulumi
    from pulumi.runtime import config as runtime_config

    from infra.aws.account import on_aws
    from infra.aws.settings import SETTINGS, AwsSettings
    from infra.kubernetes.services import SERVICES
    from infra.kubernetes.settings import ClusterSettings
    from infra.settings import Settings

    folder = tmp_path_factory.mktemp("refused")
    plain = {"target": "aws", "region": "eu-west-1", "secretKey": KEY, "state": str(folder)}

    def read(settings):
        texts = {n: v if isinstance(v, str) else json.dumps(v) for n, v in settings.items()}
        config = {f"atlas:{n}": v for n, v in {**plain, **texts}.items() if v != "null"}
        earlier, stack = runtime_config.CONFIG.get(), pulumi.get_stack
        runtime_config.CONFIG.set(config)
        pulumi.get_stack = lambda: "dev"
        try:
            shared = Settings.read(())
            cluster = ClusterSettings.read(shared, SERVICES, SETTINGS)
            aws = AwsSettings.read()
            place = SimpleNamespace(account=ACCOUNT, bucket=f"atlas-dev-{ACCOUNT}-eu-west-1")
            on_aws(cluster, aws, place)
        except pulumi.RunError as error:
            return str(error)
        finally:
            runtime_config.CONFIG.set(earlier)
            pulumi.get_stack = stack
        return ""

    return read


def test_a_region_with_too_few_zones_is_refused(monkeypatch):
    import pulumi
    import pulumi_aws

    from infra.aws import account
    from infra.aws.settings import AwsSettings

    monkeypatch.setattr(
        pulumi_aws, "get_availability_zones", lambda **_: SimpleNamespace(names=["eu-west-1a"])
    )
    aws = AwsSettings(stack="dev", region="eu-west-1")
    with pytest.raises(pulumi.RunError, match="has 1 availability zones for the account; size"):
        account._first_zones(aws, pulumi.InvokeOptions())
