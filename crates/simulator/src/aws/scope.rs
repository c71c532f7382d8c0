//! What an account has in a region: the part of the world that one call can see.

use crate::world::{Function, World};

/// An account and a region of the world.
#[derive(Clone, Copy)]
pub(super) struct AccountRegion<'w> {
    pub(super) world: &'w World,
    pub(super) account: &'w str,
    pub(super) region: &'w str,
}

impl<'w> AccountRegion<'w> {
    /// The world's own account and region.
    #[cfg(test)]
    pub(super) fn home(world: &'w World) -> Self {
        Self {
            world,
            account: &world.spec.account_id,
            region: &world.spec.region,
        }
    }

    /// The functions there, in the order of the file.
    pub(super) fn functions(self) -> impl Iterator<Item = &'w Function> {
        let functions = self.world.functions().iter();
        functions.filter(move |function| {
            function.account == self.account && function.region == self.region
        })
    }

    /// The function of this name.
    pub(super) fn function(self, name: &str) -> Option<&'w Function> {
        self.world.function(self.account, self.region, name)
    }

    /// The same region in another account whose metrics this one may read: the world's own account
    /// reads those of the accounts that are linked to it.
    pub(super) fn observed(self, account: &str) -> Option<Self> {
        let world = self.world;
        if account == self.account {
            return Some(self);
        }
        let monitoring = self.account == world.spec.account_id;
        let mut linked = world.spec.accounts.iter().filter(|account| account.linked);
        linked
            .find(|linked| monitoring && linked.id == account)
            .map(|linked| AccountRegion {
                account: &linked.id,
                ..self
            })
    }

    /// The ARN of a function, whether there is one or not.
    pub(super) fn function_arn(self, name: &str) -> String {
        let Self {
            account, region, ..
        } = self;
        format!("arn:aws:lambda:{region}:{account}:function:{name}")
    }
}
