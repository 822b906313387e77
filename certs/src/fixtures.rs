//! A fleet with its CA, hub and agents, for tests.

use rcgen::CertificateParams;
use rustls::pki_types::CertificateDer;
use skerry_common::id::{ClusterId, FleetId};
use time::{Duration, OffsetDateTime};

use crate::authority::Authority;
use crate::identity::Identity;
use crate::key_pair::{KeyKind, SecretKeyPair};
use crate::pem;
use crate::request::{AgentKey, SigningRequest};
use crate::roots::CaRoots;

/// When everything here happens.
pub(crate) const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_500));

/// How long hub and agents are certified.
pub(crate) const DAYS: u32 = 7;

pub(crate) fn fleet_id(name: &str) -> FleetId {
    FleetId::parse(name).unwrap()
}

pub(crate) fn cluster_id(name: &str) -> ClusterId {
    ClusterId::parse(name).unwrap()
}

pub(crate) struct Fleet {
    pub(crate) authority: Authority,
}

impl Fleet {
    pub(crate) fn new(name: &str) -> Self {
        Self { authority: Authority::create(fleet_id(name), NOW).unwrap() }
    }

    pub(crate) fn roots(&self) -> CaRoots {
        self.authority.roots().unwrap()
    }

    pub(crate) fn hub(&self) -> Identity {
        self.authority.issue_hub(NOW, DAYS).unwrap()
    }

    /// An agent's identity as it was issued at a time.
    pub(crate) fn agent(&self, cluster: &str, issued: OffsetDateTime) -> Identity {
        let key = AgentKey::generate().unwrap();
        let request = SigningRequest::from_der(&key.request_der().unwrap()).unwrap();
        let issued = self.authority.issue_agent(&request, &cluster_id(cluster), issued, DAYS).unwrap();
        let leaf = CertificateDer::from(issued.chain.concat());
        Identity::from_pem(&pem::encode_certificates([&leaf]), &key.to_pem()).unwrap()
    }

    /// A certificate that this CA signs although no code of ours would ask it to.
    pub(crate) fn forge(&self, params: &CertificateParams) -> Identity {
        let ca = rcgen::KeyPair::from_pem(&self.authority.key_pem()).unwrap();
        let issuer = rcgen::Issuer::from_ca_cert_pem(&self.authority.certificate_pem(), ca).unwrap();
        let key = SecretKeyPair::generate(KeyKind::Ed25519).unwrap();
        let issued = params.signed_by(key.pair(), &issuer).unwrap();
        let chain = pem::encode_certificates([issued.der()]) + &self.authority.certificate_pem();
        Identity::from_pem(&chain, &key.to_pem()).unwrap()
    }
}
