//! A definition and an object of its kind may come in one commit.

use crate::stage::Stage;

const DEFINITION: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.harbour.example}
spec:
  group: harbour.example
  scope: Namespaced
  names: {kind: Boat, plural: boats, singular: boat, listKind: BoatList}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: {length: {type: integer}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_and_its_object_in_one_commit_are_applied_in_order() {
    let stage = Stage::build().await;
    let site = stage.settled("one").await;
    // By name, the object sorts before the definition.
    stage.work.write(
        "apps/a-boat.yaml",
        "apiVersion: harbour.example/v1\nkind: Boat\nmetadata: {name: ferry}\nspec: {length: 40}\n",
    );
    stage.work.write("apps/definition.yaml", DEFINITION);
    stage.push_to(&site, "a kind and an object of it").await;
    site.shows("Boat", "ferry", "/spec/length", 40).await;

    // What is of the new kind is healed, and pruned with it.
    site.person().delete(&site.target("Boat", "ferry")).expect("deletes");
    site.shows("Boat", "ferry", "/spec/length", 40).await;
    stage.work.remove("apps/a-boat.yaml").remove("apps/definition.yaml");
    stage.push_to(&site, "neither").await;
    assert!(site.person().target("Boat", Some("shop"), "ferry").is_none(), "the kind is still served");
}
