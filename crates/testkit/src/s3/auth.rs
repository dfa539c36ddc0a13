//! Who may read, and with which secrets they sign.

use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use super::TemporaryKeys;

/// The secrets of keys.
pub(super) struct Auth {
    pub(super) fixed: Option<(String, String)>,
    pub(super) temporary: Vec<TemporaryKeys>,
}

#[async_trait::async_trait]
impl S3Auth for Auth {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let fixed = self.fixed.as_ref();
        let fixed = fixed.filter(|(id, _)| id == access_key);
        let mut temporary = self.temporary.iter();
        let secret = fixed
            .map(|(_, secret)| secret.clone())
            .or_else(|| temporary.find_map(|keys| keys.secret(access_key)));
        let secret = secret.ok_or_else(|| s3_error!(InvalidAccessKeyId))?;
        Ok(SecretKey::from(secret))
    }
}

/// Who may read.
pub(super) struct Access {
    pub(super) anonymous: bool,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if self.anonymous || context.credentials().is_some() {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "no signature"))
    }
}
