//! Renews the certificates that the hub shows, while it runs.
//!
//! At two thirds of a certificate's life another is issued, and shown from the next handshake on;
//! connections that are up keep going. An issuing that fails is tried again with growing pauses, for
//! ever, long before the old one ends.

use std::time::Duration;

use skerry_certs::identity::Identity;
use skerry_certs::rotate::{RenewalPlan, WindowInverted};
use skerry_certs::tls::{ServedIdentity, TlsError, WallClock};
use skerry_common::error_chain::Chain;
use thiserror::Error;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::keys::KeyError;

/// How often the wall clock is looked at: it may jump, and sleeping goes by another one.
const LOOK_INTERVAL: Duration = Duration::from_secs(300);

/// Why there is no other certificate.
#[derive(Debug, Error)]
pub enum RenewError {
    /// The CA did not issue one.
    #[error("no certificate is issued")]
    Issue(#[source] KeyError),
    /// It cannot be shown.
    #[error("the issued certificate cannot be used")]
    Tls(#[source] TlsError),
    /// Its dates.
    #[error("the issued certificate has no life")]
    Window(#[source] WindowInverted),
}

/// One certificate that the hub shows, and how another is made.
pub struct Renewal<I> {
    /// Whose it is, for the log.
    name: &'static str,
    issue: I,
    served: ServedIdentity,
    plan: RenewalPlan,
    seed: u64,
    clock: WallClock,
}

impl<I: Fn(OffsetDateTime) -> Result<Identity, KeyError>> Renewal<I> {
    /// Issues the first certificate; it is shown as long as [`Renewal::run`] goes on, and longer.
    pub fn begin(name: &'static str, issue: I, clock: &WallClock, seed: u64) -> Result<Self, RenewError> {
        let identity = issue(clock.now()).map_err(RenewError::Issue)?;
        let served = ServedIdentity::new(&identity).map_err(RenewError::Tls)?;
        let plan = RenewalPlan::new(identity.window(), seed).map_err(RenewError::Window)?;
        Ok(Self { name, issue, served, plan, seed, clock: clock.clone() })
    }

    /// What the server shows.
    pub fn served(&self) -> &ServedIdentity {
        &self.served
    }

    /// Renews until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failures = 0;
        let mut next = self.plan.due();
        loop {
            let now = self.clock.now();
            let pause = Duration::try_from(next - now).unwrap_or(Duration::ZERO).min(LOOK_INTERVAL);
            if !pause.is_zero() {
                if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                    return;
                }
                continue;
            }
            match self.renew(now) {
                Ok(plan) => {
                    info!(certificate = self.name, due = %plan.due(), "a certificate was renewed");
                    (self.plan, failures) = (plan, 0);
                }
                Err(error) => {
                    failures = u32::saturating_add(failures, 1);
                    warn!(certificate = self.name, error = %Chain(&error), "a certificate was not renewed");
                }
            }
            // The first attempt at the new one is due in the future, and so is any repetition.
            next = self.plan.next_attempt(failures, now);
        }
    }

    fn renew(&self, now: OffsetDateTime) -> Result<RenewalPlan, RenewError> {
        let identity = (self.issue)(now).map_err(RenewError::Issue)?;
        let plan = RenewalPlan::new(identity.window(), self.seed).map_err(RenewError::Window)?;
        self.served.replace(&identity).map_err(RenewError::Tls)?;
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

    use rustls::pki_types::ServerName;
    use skerry_certs::authority::ApiAuthority;
    use skerry_certs::issue::ApiName;
    use skerry_certs::tls::{api_client_config, api_server_config};
    use time::OffsetDateTime;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

    use super::*;

    const DAYS: u32 = 3;
    const DAY: i64 = 24 * 3600;

    type Ends = (client::TlsStream<DuplexStream>, server::TlsStream<DuplexStream>);

    /// An API's certificate, its clock, and how often another was asked for.
    struct Site {
        now: Arc<AtomicI64>,
        asked: Arc<AtomicU32>,
        connector: TlsConnector,
        acceptor: TlsAcceptor,
        _stop: tokio_util::sync::DropGuard,
    }

    impl Site {
        /// Of the certificates asked for, the first is issued, then `refused` are not.
        fn begin(refused: u32) -> Self {
            // The client judges by the system's clock, at which both the first and the second are valid.
            let start = OffsetDateTime::now_utc() - time::Duration::days(2);
            let now = Arc::new(AtomicI64::new(start.unix_timestamp()));
            let asked = Arc::new(AtomicU32::new(0));
            let authority = ApiAuthority::create(start).expect("an authority");
            let trust = api_client_config(&authority.certificate_pem()).expect("settings");
            let (told, counted) = (now.clone(), asked.clone());
            let clock = WallClock::new(move || {
                OffsetDateTime::from_unix_timestamp(told.load(Ordering::SeqCst)).expect("a time")
            });
            let issue = move |at: OffsetDateTime| {
                let before = counted.fetch_add(1, Ordering::SeqCst);
                if (1..=refused).contains(&before) {
                    return Err(KeyError::Make("not now".into()));
                }
                let names = [ApiName::parse("localhost").expect("a name")];
                authority.issue_api(&names, at, DAYS).map_err(|error| KeyError::Make(error.to_string()))
            };
            let renewal = Renewal::begin("api", issue, &clock, 7).expect("issues");
            let acceptor = TlsAcceptor::from(api_server_config(renewal.served()).expect("settings"));
            let stop = CancellationToken::new();
            tokio::spawn(renewal.run(stop.clone()));
            Self { now, asked, connector: TlsConnector::from(Arc::new(trust)), acceptor, _stop: stop.drop_guard() }
        }

        async fn connect(&self) -> Ends {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let name = ServerName::try_from("localhost").expect("a name");
            let (client, server) = tokio::join!(self.connector.connect(name, near), self.acceptor.accept(far));
            (client.expect("trusts"), server.expect("accepts"))
        }

        /// Lets time pass on the wall, and the task look at it.
        async fn pass(&self, seconds: i64) {
            self.now.fetch_add(seconds, Ordering::SeqCst);
            tokio::time::sleep(2 * LOOK_INTERVAL).await;
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn shown(ends: &Ends) -> Vec<u8> {
        ends.0.get_ref().1.peer_certificates().expect("a chain")[0].to_vec()
    }

    async fn is_alive((client, server): &mut Ends) -> bool {
        client.write_all(b"ping").await.expect("sends");
        client.flush().await.expect("sends");
        let mut got = [0; 4];
        server.read_exact(&mut got).await.is_ok_and(|_| got == *b"ping")
    }

    #[tokio::test(start_paused = true)]
    async fn a_certificate_is_renewed_at_two_thirds_of_its_life_and_no_connection_drops() {
        let site = Site::begin(0);
        let mut old = site.connect().await;
        site.pass(DAY).await;
        assert_eq!(site.asked(), 1, "a day is a third of its life");
        assert_eq!(shown(&site.connect().await), shown(&old));
        site.pass(DAY).await;
        assert_eq!(site.asked(), 2, "two days are two thirds");
        let mut new = site.connect().await;
        assert_ne!(shown(&new), shown(&old));
        assert!(is_alive(&mut old).await && is_alive(&mut new).await);
        site.pass(0).await;
        assert_eq!(site.asked(), 2, "the new one has its own life");
        site.pass(2 * DAY).await;
        assert_eq!(site.asked(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuing_that_fails_is_tried_again_and_the_old_certificate_is_shown_meanwhile() {
        let site = Site::begin(2);
        let old = site.connect().await;
        site.pass(2 * DAY).await;
        assert_eq!(site.asked(), 2, "refused once");
        assert_eq!(shown(&site.connect().await), shown(&old));
        site.pass(60).await;
        assert_eq!(site.asked(), 3, "refused twice");
        site.pass(120).await;
        assert_eq!(site.asked(), 4);
        assert_ne!(shown(&site.connect().await), shown(&old));
        site.pass(3600).await;
        assert_eq!(site.asked(), 4, "no need for more");
    }
}
