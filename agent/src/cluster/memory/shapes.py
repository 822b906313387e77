#!/usr/bin/env python3
"""Writes shapes.txt from the OpenAPI v2 document that a Kubernetes API server publishes (`kubectl get --raw /openapi/v2`).

usage: shapes.py OPENAPI_V2.json > shapes.txt

One type a line: NAME, then FIELD=SHAPE, required fields as FIELD!=SHAPE. A SHAPE is
  s text   i whole number   n number   b flag   * anything
  NAME a record   {SHAPE} a map   [SHAPE] a list that is replaced as a whole
  [SHAPE|set] a list of distinct values   [SHAPE|a,b] a list whose items are told apart by their fields a and b
  ~SHAPE  owned and replaced as a whole
"""
import json
import sys

ROOTS = """api.core.v1.Namespace api.core.v1.ConfigMap api.core.v1.Secret api.core.v1.Service api.core.v1.ServiceAccount
api.core.v1.Pod api.core.v1.PersistentVolumeClaim api.apps.v1.Deployment api.apps.v1.StatefulSet api.apps.v1.DaemonSet
api.apps.v1.ReplicaSet api.batch.v1.Job api.batch.v1.CronJob api.networking.v1.Ingress api.networking.v1.NetworkPolicy
api.autoscaling.v2.HorizontalPodAutoscaler api.policy.v1.PodDisruptionBudget api.rbac.v1.Role api.rbac.v1.RoleBinding
api.rbac.v1.ClusterRole api.rbac.v1.ClusterRoleBinding api.coordination.v1.Lease
apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition""".split()
SCALARS = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}
LOOSE = ("Quantity", "IntOrString", "JSON", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrArray",
         "JSONSchemaPropsOrStringArray", "RawExtension", "FieldsV1")

definitions = json.load(open(sys.argv[1]))["definitions"]
names, queue = {}, []


def name_of(reference):
    short = reference.rsplit(".", 1)[1]
    if short in names and names[short] != reference:
        short = reference.split(".")[-3].capitalize() + short
    if short not in names:
        names[short] = reference
        queue.append(short)
    return short


def shape(schema):
    atomic = "~" if schema.get("x-kubernetes-map-type") == "atomic" else ""
    if "$ref" in schema:
        reference = schema["$ref"].removeprefix("#/definitions/")
        target = definitions[reference]
        if reference.rsplit(".", 1)[1] in LOOSE:
            return "*"
        if target.get("x-kubernetes-map-type") == "atomic":
            atomic = "~"
        if "properties" not in target:
            return atomic + shape({k: v for k, v in target.items() if k != "x-kubernetes-map-type"})
        return atomic + name_of(reference)
    kind = schema.get("type")
    if kind in SCALARS:
        return SCALARS[kind]
    if kind == "array":
        rule = {"map": ",".join(schema.get("x-kubernetes-list-map-keys", [])), "set": "set"}
        rule = rule.get(schema.get("x-kubernetes-list-type"), "")
        return "[" + shape(schema["items"]) + ("|" + rule if rule else "") + "]"
    if "additionalProperties" in schema:
        return atomic + "{" + shape(schema["additionalProperties"]) + "}"
    return "*"


for root in ROOTS:
    name_of("io.k8s." + root)
lines = []
while queue:
    short = queue.pop()
    definition = definitions[names[short]]
    required = definition.get("required", [])
    fields = [f"{field}{'!' if field in required else ''}={shape(schema)}"
              for field, schema in sorted(definition["properties"].items())]
    lines.append(" ".join([short] + fields))
print("\n".join(sorted(lines)))
