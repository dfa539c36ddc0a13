//! The storage traits of `zarrs`.

use futures::StreamExt as _;
use zarrs_storage::byte_range::{ByteRange, ByteRangeIterator};
use zarrs_storage::{
    AsyncListableStorageTraits, AsyncMaybeBytesIterator, AsyncReadableStorageTraits, MaybeBytes,
    StorageError, StoreKey, StoreKeys, StoreKeysPrefixes, StorePrefix,
};

use crate::store::Store;

#[async_trait::async_trait]
impl AsyncReadableStorageTraits for Store {
    async fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        Ok(self.get_many(&[key.as_str()]).await?.pop().flatten())
    }

    async fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<AsyncMaybeBytesIterator<'a>, StorageError> {
        let parts: Vec<ByteRange> = byte_ranges.collect();
        let found = self.parts(key.as_str(), &parts).await?;
        Ok(found.map(|parts| futures::stream::iter(parts).map(Ok).boxed()))
    }

    async fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        Ok(self.size(key.as_str()).await?)
    }

    fn supports_get_partial(&self) -> bool {
        true
    }
}

#[async_trait::async_trait]
impl AsyncListableStorageTraits for Store {
    async fn list(&self) -> Result<StoreKeys, StorageError> {
        self.keys("").await
    }

    async fn list_prefix(&self, prefix: &StorePrefix) -> Result<StoreKeys, StorageError> {
        self.keys(prefix.as_str()).await
    }

    async fn list_dir(&self, prefix: &StorePrefix) -> Result<StoreKeysPrefixes, StorageError> {
        self.children(prefix.as_str()).await
    }

    async fn size_prefix(&self, prefix: &StorePrefix) -> Result<u64, StorageError> {
        self.size_under(prefix.as_str()).await
    }
}
