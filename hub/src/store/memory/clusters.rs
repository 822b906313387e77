//! Clusters in memory.

use std::time::Duration;

use skerry_common::bundle::digest::Digest;
use skerry_common::id::{ClusterId, ClusterName, Place};
use skerry_common::status::ContactBounds;

use super::{Cluster, MemoryStore, State, page};
use crate::store::clusters::{
    AgentFacts, CERTIFICATES_PER_CLUSTER_MAX, CONFIRMATIONS_MAX, Certificate, CertificateStanding, ClusterQuery,
    ClusterRecord, ClusterStore, Heard, Join, JoinOutcome, JoinToken, NewCluster, Registration, Says, Standing,
};
use crate::store::{Position, StoreError};

impl ClusterStore for MemoryStore {
    async fn register(&self, cluster: NewCluster, token: Option<JoinToken>) -> Result<Registration, StoreError> {
        self.with(|state| {
            if let Some(taken) = state.clusters.values().find(|known| known.record.name == cluster.name) {
                return Registration::NameTaken(taken.record.id.clone());
            }
            let position = state.next();
            let record = new_record(cluster, position);
            state.clusters.insert(record.id.clone(), Cluster { record, confirmed: Vec::new(), silence: None });
            state.tokens.extend(token.map(|token| (token.hash, token)));
            Registration::Registered
        })
    }

    async fn cluster(&self, id: &ClusterId) -> Result<Option<ClusterRecord>, StoreError> {
        self.with(|state| state.clusters.get(id).map(|cluster| cluster.record.clone()))
    }

    async fn cluster_by_name(&self, name: &ClusterName) -> Result<Option<ClusterRecord>, StoreError> {
        self.with(|state| {
            state.clusters.values().find(|cluster| cluster.record.name == *name).map(|cluster| cluster.record.clone())
        })
    }

    async fn clusters(&self, query: &ClusterQuery) -> Result<Vec<ClusterRecord>, StoreError> {
        self.with(|state| {
            let mut found: Vec<_> =
                state.clusters.values().map(|cluster| &cluster.record).filter(|r| matches(query, r)).collect();
            found.sort_by(|a, b| a.name.cmp(&b.name));
            found.into_iter().take(page(query.limit)).map(listed).collect()
        })
    }

    async fn clusters_changed(&self, after: Position, limit: usize) -> Result<Vec<ClusterRecord>, StoreError> {
        self.with(|state| {
            let records = state.clusters.values().map(|cluster| &cluster.record);
            let mut found: Vec<_> = records.filter(|record| record.position > after).collect();
            found.sort_by_key(|record| record.position);
            found.into_iter().take(page(limit)).map(listed).collect()
        })
    }

    async fn add_token(&self, token: JoinToken) -> Result<bool, StoreError> {
        self.with(|state| {
            let Some(cluster) = state.clusters.get_mut(&token.cluster) else { return false };
            cluster.record.standing = Standing::Pending;
            state.changed(&token.cluster);
            state.tokens.retain(|_, old| old.cluster != token.cluster);
            state.tokens.insert(token.hash, token);
            true
        })
    }

    async fn token(&self, hash: &Digest) -> Result<Option<JoinToken>, StoreError> {
        self.with(|state| state.tokens.get(hash).cloned())
    }

    async fn join(&self, join: Join) -> Result<JoinOutcome, StoreError> {
        self.with(|state| {
            if let Some(hash) = &join.token {
                // Expiry bounds the first use only: the same key may come back for its answer.
                let fits = |token: &&mut JoinToken| {
                    let in_time = token.used_by.is_some() || token.expires_unix_ms > join.now_unix_ms;
                    token.cluster == join.cluster && in_time
                };
                let Some(token) = state.tokens.get_mut(hash).filter(fits) else { return JoinOutcome::TokenUnknown };
                if token.used_by.is_some_and(|key| key != join.certificate.key) {
                    return JoinOutcome::TokenTaken;
                }
                token.used_by = Some(join.certificate.key);
            }
            let Some(cluster) = state.clusters.get_mut(&join.cluster) else { return JoinOutcome::ClusterUnknown };
            cluster.record.standing = Standing::Joined;
            cluster.record.sealing_key = Some(join.sealing_key);
            if join.token.is_some() {
                cluster.record.last_contact_unix_ms = Some(join.now_unix_ms);
            }
            for (owner, certificate, standing) in state.certificates.values_mut() {
                if *owner == join.cluster && certificate.key != join.certificate.key {
                    *standing = CertificateStanding::Revoked;
                }
            }
            state.changed(&join.cluster);
            put_certificate(state, &join.cluster, join.certificate);
            JoinOutcome::Joined
        })
    }

    async fn renew(&self, cluster: &ClusterId, certificate: Certificate) -> Result<bool, StoreError> {
        self.with(|state| {
            let fine = state.clusters.get(cluster).is_some_and(|known| known.record.standing != Standing::Revoked);
            if fine {
                put_certificate(state, cluster, certificate);
            }
            fine
        })
    }

    async fn certificate(
        &self,
        serial: &str,
    ) -> Result<Option<(ClusterId, Certificate, CertificateStanding)>, StoreError> {
        self.with(|state| state.certificates.get(serial).cloned())
    }

    async fn revoke(&self, cluster: &ClusterId) -> Result<bool, StoreError> {
        self.with(|state| {
            let Some(known) = state.clusters.get_mut(cluster) else { return false };
            known.record.standing = Standing::Revoked;
            state.changed(cluster);
            for (owner, _, standing) in state.certificates.values_mut() {
                if owner == cluster {
                    *standing = CertificateStanding::Revoked;
                }
            }
            state.tokens.retain(|_, token| token.cluster != *cluster);
            true
        })
    }

    async fn introduce(&self, cluster: &ClusterId, said: AgentFacts) -> Result<(), StoreError> {
        self.with(|state| {
            if let Some(known) = state.clusters.get_mut(cluster) {
                known.record.agent = Some(said);
            }
            state.changed(cluster);
        })
    }

    async fn touch(&self, contacts: &[Heard]) -> Result<(), StoreError> {
        self.with(|state| {
            for Heard { cluster, at_unix_ms, says } in contacts {
                let Some(cluster) = state.clusters.get_mut(cluster) else { continue };
                let record = &mut cluster.record;
                if record.last_contact_unix_ms >= Some(*at_unix_ms) {
                    continue;
                }
                record.last_contact_unix_ms = Some(*at_unix_ms);
                if *says == Says::Unchanged {
                    record.unchanged_unix_ms = Some(*at_unix_ms);
                }
            }
        })
    }

    async fn judge_silence(&self, now_unix_ms: i64, bounds: ContactBounds) -> Result<u64, StoreError> {
        self.with(|state| {
            let mut changed = Vec::new();
            for (id, cluster) in &mut state.clusters {
                let Some(contact) = cluster.record.last_contact_unix_ms else { continue };
                let age = u64::try_from(now_unix_ms.saturating_sub(contact)).unwrap_or(0);
                let judged = Some(bounds.judge(Duration::from_millis(age)));
                if cluster.silence != judged {
                    cluster.silence = judged;
                    changed.push(id.clone());
                }
            }
            changed.iter().for_each(|id| state.changed(id));
            changed.len() as u64
        })
    }

    async fn raise_highest(&self, cluster: &ClusterId, place: Place) -> Result<(), StoreError> {
        self.with(|state| {
            if let Some(known) = state.clusters.get_mut(cluster) {
                known.record.highest = known.record.highest.max(Some(place));
            }
        })
    }

    async fn request_sync(&self, cluster: &ClusterId) -> Result<Option<u64>, StoreError> {
        self.with(|state| {
            let known = state.clusters.get_mut(cluster)?;
            known.record.sync_requests += 1;
            let count = known.record.sync_requests;
            state.changed(cluster);
            Some(count)
        })
    }

    async fn confirm_prune(&self, cluster: &ClusterId, list: Digest) -> Result<bool, StoreError> {
        self.with(|state| {
            let Some(known) = state.clusters.get_mut(cluster) else { return false };
            known.confirmed.retain(|old| *old != list);
            known.confirmed.push(list);
            known.confirmed.drain(..known.confirmed.len().saturating_sub(CONFIRMATIONS_MAX));
            known.record.confirmations.clone_from(&known.confirmed);
            known.record.confirmations.sort_unstable();
            state.changed(cluster);
            true
        })
    }
}

fn new_record(cluster: NewCluster, position: Position) -> ClusterRecord {
    ClusterRecord {
        id: cluster.id,
        name: cluster.name,
        labels: cluster.labels,
        variables: cluster.variables,
        created_unix_ms: cluster.created_unix_ms,
        standing: Standing::Pending,
        certificate: None,
        sealing_key: None,
        agent: None,
        last_contact_unix_ms: None,
        unchanged_unix_ms: None,
        highest: None,
        refusal: None,
        sync_requests: 0,
        confirmations: Vec::new(),
        position,
    }
}

fn matches(query: &ClusterQuery, record: &ClusterRecord) -> bool {
    query.after.as_ref().is_none_or(|after| record.name > *after)
        && query.standing.is_none_or(|standing| record.standing == standing)
        && query.labels.iter().all(|(key, value)| record.labels.get(key) == Some(value))
}

/// Lists leave out the long list of API kinds.
fn listed(record: &ClusterRecord) -> ClusterRecord {
    let mut record = record.clone();
    if let Some(agent) = &mut record.agent {
        agent.facts.api_kinds.clear();
    }
    record
}

fn put_certificate(state: &mut State, id: &ClusterId, certificate: Certificate) {
    if let Some(cluster) = state.clusters.get_mut(id) {
        cluster.record.certificate = Some(certificate.clone());
    }
    let entry = (id.clone(), certificate.clone(), CertificateStanding::Valid);
    state.certificates.entry(certificate.serial).or_insert(entry);
    let mut own: Vec<_> =
        state.certificates.values().filter(|(owner, ..)| owner == id).map(|(_, c, _)| c.clone()).collect();
    own.sort_by(|a, b| b.issued_unix_ms.cmp(&a.issued_unix_ms).then_with(|| a.serial.cmp(&b.serial)));
    for old in own.into_iter().skip(usize::try_from(CERTIFICATES_PER_CLUSTER_MAX).unwrap_or(usize::MAX)) {
        state.certificates.remove(&old.serial);
    }
}
