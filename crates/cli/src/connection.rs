//! How the network is used: options that all commands share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chunkref::earthdata::{
    BucketAuthority, EarthdataAuthority, Login, LoginService, LoginSources, System, Trust,
    TrustedHost,
};
use chunkref::io::{Notices, check_region};
use chunkref::{Access, Client, ClientOptions, Credentials};
use clap::Args;

/// How servers and buckets are read. Credentials are never given on the command line: buckets take
/// them from `AWS_ACCESS_KEY_ID` and its like, servers from the URL, archives of NASA's from the
/// Earthdata Login.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
#[command(next_help_heading = "Connections")]
pub(crate) struct Connection {
    /// Read public buckets without credentials
    #[arg(long, conflicts_with = "instance_credentials")]
    anonymous: bool,
    /// Where no credentials are set, ask the metadata service of the machine in the cloud that this
    /// runs on
    #[arg(long)]
    instance_credentials: bool,
    #[arg(
        long,
        value_name = "WAY",
        default_value = "auto",
        value_parser = ["auto", "direct", "external"],
        help = "Where an object is known to lie in a bucket and over https: read it from the bucket \
                (direct), over https (external), or from the bucket if that turns out to work (auto)"
    )]
    access: String,
    /// Pay for what is read of an S3 bucket whose owner wants that
    #[arg(long)]
    requester_pays: bool,
    #[arg(
        long,
        value_name = "URL",
        help = "The server of s3 URLs, if it is not AWS; one of http is sent credentials only with \
                AWS_ALLOW_HTTP=true in the environment"
    )]
    endpoint: Option<String>,
    #[arg(
        long = "trust-host",
        value_name = "HOST",
        help = "Let this host know you by your Earthdata Login, beside NASA's own: HOST, HOST:PORT or \
                *.DOMAIN; may be given several times"
    )]
    trusted_hosts: Vec<TrustedHost>,
    #[arg(
        long,
        help = "Do not log in, whatever EARTHDATA_TOKEN and its like or .netrc have"
    )]
    no_login: bool,
    /// Which of Earthdata's systems: prod or uat; CMR, login service and entry of .netrc go together
    #[arg(long, value_name = "SYSTEM", default_value_t = System::Prod)]
    pub(crate) system: System,
    /// Another login service than the system's: its URL, of https
    #[arg(long, value_name = "URL")]
    login_url: Option<LoginService>,
    /// The region of S3 buckets; where it is another, it is found out
    #[arg(long, value_name = "NAME", value_parser = region)]
    region: Option<String>,
    #[arg(
        long,
        value_name = "FILE",
        help = "Certificates (PEM) to trust beside the system's; SSL_CERT_FILE in the environment \
                names those to trust in their place"
    )]
    ca_bundle: Option<PathBuf>,
    /// Requests under way at once to one host
    #[arg(long, value_name = "N", default_value_t = ClientOptions::default().concurrency)]
    concurrency: usize,
    /// How often a request that failed is sent again
    #[arg(long, value_name = "N", default_value_t = ClientOptions::default().retries)]
    retries: u32,
    /// How long a server may be silent
    #[arg(long, value_name = "SECONDS", default_value_t = ClientOptions::default().read_timeout.as_secs())]
    timeout: u64,
    /// Of a server that ignores ranges, read files of at most so many bytes whole
    #[arg(long, value_name = "BYTES", default_value_t = ClientOptions::default().whole_object)]
    whole_object: u64,
    /// Speak only HTTP/1.1, also where HTTP/2 is offered
    #[arg(long)]
    http1: bool,
}

impl Connection {
    /// A client for what was asked for.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.options())
    }

    /// How servers and buckets are read, by whom.
    pub(crate) fn options(&self) -> ClientOptions {
        let options = self.anonymous_options();
        if self.no_login {
            return options;
        }
        let login = self.login(LoginSources::environment());
        let login = EarthdataAuthority::new(login).with_trust(self.trust());
        let authority = BucketAuthority::of_login(login, &options);
        options.with_authority(Arc::new(authority))
    }

    /// Who logs in. Nothing is asked for before it is needed.
    pub(crate) fn login(&self, sources: LoginSources) -> Login {
        let service = self.login_url.clone();
        let service = service.unwrap_or_else(|| self.system.into());
        Login::new(service, sources, self.anonymous_options())
    }

    /// Whom a login is told.
    pub(crate) fn trust(&self) -> Trust {
        let mut trust = Trust::new();
        for host in &self.trusted_hosts {
            trust.add(host.clone());
        }
        trust
    }

    fn anonymous_options(&self) -> ClientOptions {
        let credentials = if self.anonymous {
            Credentials::Anonymous
        } else if self.instance_credentials {
            Credentials::Instance
        } else {
            Credentials::Environment
        };
        let mut options = ClientOptions::default()
            .with_credentials(credentials)
            .with_access(self.access.parse().unwrap_or(Access::Auto))
            .with_notices(Some(Notices::new(|text| {
                if !crate::progress::is_silent() {
                    eprintln!("note: {}", crate::failure::one_line(text));
                }
            })))
            .with_requester_pays(self.requester_pays)
            .with_ca_bundle(self.ca_bundle.clone())
            .with_concurrency(self.concurrency.max(1))
            .with_retries(self.retries)
            .with_read_timeout(Duration::from_secs(self.timeout.max(1)))
            .with_whole_object(self.whole_object)
            .with_http1_only(self.http1);
        if let Some(endpoint) = &self.endpoint {
            options = options.with_store_option("aws_endpoint", endpoint);
        }
        if let Some(region) = &self.region {
            options = options.with_store_option("aws_region", region);
        }
        options
    }
}

fn region(name: &str) -> Result<String, String> {
    check_region(name).map(|()| name.to_owned())
}
