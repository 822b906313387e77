//! The story, chapter by chapter. Every `✓` was looked at.

use std::collections::BTreeSet;
use std::time::Instant;

use skerry_common::journal::DriftOutcome;
use skerry_common::status::{Health, Sync};

use super::stage::Stage;
use super::{DemoError, Teller};

/// The clusters that join over the network.
const CLUSTERS: [(&str, &str); 5] = [
    ("dev-1", "development"),
    ("staging-1", "staging"),
    ("oslo", "production"),
    ("bergen", "production"),
    ("tromso", "production"),
];

/// The one that never sees a network.
const ISLAND: &str = "island";

/// Tells all chapters.
pub(super) async fn tell(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    first_sync(stage, teller).await?;
    a_commit(stage, teller).await?;
    a_manual_change(stage, teller).await?;
    without_the_hub(stage, teller).await?;
    the_hub_returns(stage, teller).await?;
    a_broken_commit(stage, teller).await?;
    a_revert(stage, teller).await?;
    by_file(stage, teller).await
}

async fn first_sync(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    teller.chapter(1, "First sync: five clusters in three groups join and get what Git says for them");
    let began = Instant::now();
    for (name, environment) in CLUSTERS {
        stage.join(name, environment).await?;
    }
    teller.seen("five agents made their keys and joined with single-use tokens", began.elapsed());
    let all = |stage: &Stage| {
        CLUSTERS.iter().all(|(name, environment)| {
            stage.site(name).is_ok_and(|site| site.replicas() == replicas(environment) && site.generation() > 0)
        })
    };
    stage.until("every cluster runs its overlay", || async { Ok(all(stage)) }).await?;
    let took = stage
        .until("the hub is told", || async {
            for (name, _) in CLUSTERS {
                if stage.told(name).await? != Some((Sync::Current, Health::Healthy)) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?;
    teller.seen("each runs the overlay of its environment, and the hub knows: current and healthy", took);
    let secret = stage.site("oslo")?.read("Secret", "database").ok_or("the Secret is missing")?;
    if secret.pointer("/data/password").is_none() && secret.pointer("/stringData/password").is_none() {
        return Err("the Secret has no password".into());
    }
    teller.seen("its Secret came sealed to the cluster and was opened there", began.elapsed());
    Ok(())
}

fn replicas(environment: &str) -> u64 {
    match environment {
        "development" => 1,
        "staging" => 2,
        _ => 3,
    }
}

async fn a_commit(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    teller.chapter(2, "A commit reaches its group, and only its group");
    let before = stage.site("oslo")?.generation();
    stage.repository.replace("apps/overlays/staging/kustomization.yaml", "count: 2", "count: 4")?;
    stage.repository.commit("Staging: four replicas").await?;
    stage.pushed().await?;
    let took =
        stage.until("staging runs four replicas", || async { Ok(stage.site("staging-1")?.replicas() == 4) }).await?;
    teller.seen("`git push` to four replicas on staging-1", took);
    if stage.site("oslo")?.replicas() != 3 {
        return Err("production changed too".into());
    }
    teller.seen(&format!("production still runs 3 replicas of generation {before}"), took);
    Ok(())
}

async fn a_manual_change(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    teller.chapter(3, "Somebody changes a cluster by hand");
    let site = stage.site("oslo")?;
    site.person().edit(&site.target("Deployment", "web")?, |web| web["spec"]["replicas"] = 9.into())?;
    let took = stage.until("three replicas again", || async { Ok(stage.site("oslo")?.replicas() == 3) }).await?;
    teller.seen("`kubectl edit` to nine replicas was put back to three", took);
    let took = stage
        .until("the hub lists the drift", || async {
            let drifts = stage.drifts("oslo").await?;
            Ok(drifts.iter().any(|drift| {
                drift.path == "/spec/replicas"
                    && drift.manager == "kubectl-edit"
                    && drift.closed.is_some_and(|(outcome, _)| outcome == DriftOutcome::Healed)
            }))
        })
        .await?;
    teller.seen("the hub lists it: /spec/replicas, by kubectl-edit, healed", took);
    Ok(())
}

async fn without_the_hub(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    teller.chapter(4, "The mainland is gone: the hub stops");
    stage.stop_hub().await;
    let site = stage.site("bergen")?;
    site.person().delete(&site.target("Service", "web")?)?;
    let took = stage
        .until("the Service is back", || async { Ok(stage.site("bergen")?.read("Service", "web").is_some()) })
        .await?;
    teller.seen("a deleted Service was made again without the hub", took);
    stage.stop_agent("bergen").await?;
    let site = stage.site("bergen")?;
    site.person().delete(&site.target("Deployment", "web")?)?;
    let began = Instant::now();
    stage.start_agent("bergen").await?;
    stage.until("the Deployment is back", || async { Ok(stage.site("bergen")?.replicas() == 3) }).await?;
    teller.seen("the agent was restarted, still alone: what was deleted meanwhile is back", began.elapsed());
    Ok(())
}

async fn the_hub_returns(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    teller.chapter(5, "The hub is back: the journal is delivered");
    stage.start_hub().await?;
    let took = stage
        .until("both drifts are listed", || async {
            let drifts = stage.drifts("bergen").await?;
            let gone = |kind: &str| {
                drifts.iter().any(|drift| drift.object.kind == kind && drift.path.is_empty() && drift.closed.is_some())
            };
            Ok(gone("Service") && gone("Deployment"))
        })
        .await?;
    teller.seen("both deletions are listed, each with its end", took);
    let drifts = stage.drifts("bergen").await?;
    let keys: BTreeSet<_> = drifts.iter().map(|drift| (&drift.uid, &drift.resource_version, &drift.path)).collect();
    if keys.len() != drifts.len() {
        return Err("a drift is listed twice".into());
    }
    teller.seen("none is listed twice", took);
    Ok(())
}

async fn a_broken_commit(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    teller.chapter(6, "A broken commit is refused; the last good state stays");
    let before = stage.site("oslo")?.generation();
    let file = "apps/overlays/production/kustomization.yaml";
    stage.repository.replace(file, "replicas:", "replicass:")?;
    stage.repository.commit("Production: a typing error").await?;
    stage.pushed().await?;
    let found = |problems: &[String]| problems.iter().find(|problem| problem.contains(&format!("{file}:5"))).cloned();
    let took =
        stage.until("the hub names file and line", || async { Ok(found(&stage.problems().await?).is_some()) }).await?;
    for line in found(&stage.problems().await?).unwrap_or_default().lines() {
        teller.say(&format!("     {line}"));
    }
    teller.seen("the hub names repository, commit, file and line", took);
    let site = stage.site("oslo")?;
    if site.generation() != before || site.replicas() != 3 {
        return Err("production did not keep its last good state".into());
    }
    teller.seen(&format!("production still runs generation {before}"), took);
    Ok(())
}

async fn a_revert(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    teller.chapter(7, "Rollback is `git revert`");
    stage.repository.revert().await?;
    stage.pushed().await?;
    let took = stage.until("nothing is wrong any more", || async { Ok(stage.problems().await?.is_empty()) }).await?;
    teller.seen("the typing error is reverted and the hub has nothing to complain about", took);
    stage.repository.replace("apps/base/web.yaml", "web:1.0", "web:1.1")?;
    stage.repository.commit("Version 1.1 everywhere").await?;
    stage.pushed().await?;
    let runs = |stage: &Stage, version: &str| {
        CLUSTERS.iter().all(|(name, _)| {
            let web = stage.site(name).ok().and_then(|site| site.read("Deployment", "web"));
            let image = web.and_then(|web| web.pointer("/spec/template/spec/containers/0/image").cloned());
            image.is_some_and(|image| image.as_str().is_some_and(|image| image.ends_with(version)))
        })
    };
    let took = stage.until("version 1.1 everywhere", || async { Ok(runs(stage, ":1.1")) }).await?;
    teller.seen("version 1.1 runs on all five clusters", took);
    stage.repository.revert().await?;
    stage.pushed().await?;
    let took = stage.until("version 1.0 everywhere", || async { Ok(runs(stage, ":1.0")) }).await?;
    teller.seen("`git revert`: version 1.0 runs on all five clusters again", took);
    Ok(())
}

async fn by_file(stage: &mut Stage, teller: &mut Teller) -> Result<(), DemoError> {
    teller.chapter(8, "A sixth cluster has no network at all: it joins and is fed by files");
    let began = Instant::now();
    stage.join_by_files(ISLAND, "production").await?;
    teller.seen("request file out, reply file in: joined", began.elapsed());
    stage.until("its bundle is published", || async { stage.is_published(ISLAND).await }).await?;
    let bytes = stage.carry_archive(ISLAND).await?;
    let took = stage
        .until("the island runs the shop", || async {
            let site = stage.site(ISLAND)?;
            Ok(site.replicas() == 3 && site.generation() > 0)
        })
        .await?;
    teller.seen(&format!("one archive of {bytes} bytes, verified like any bundle: the shop runs"), took);
    Ok(())
}
