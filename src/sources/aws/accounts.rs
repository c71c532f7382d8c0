//! The accounts and regions that are read.

use super::{Aws, Role};

/// How the account of the chain's own credentials is called.
pub const OWN: &str = "own account";

/// Which accounts are read, and in which regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Whether the account of the chain's own credentials is.
    pub own: bool,
    /// The regions; without any, the chain's own.
    pub regions: Vec<String>,
    /// The others.
    pub others: Vec<Account>,
}

/// An account that is reached by a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// How it is called; without a name by its number.
    pub name: Option<String>,
    /// The role.
    pub role: Role,
    /// Its regions; without any, those of all.
    pub regions: Vec<String>,
    /// Whether it is linked to the account of the chain's own credentials, in which its metrics are read then.
    pub is_linked: bool,
}

/// How an account is read in a region.
#[derive(Clone, Debug)]
pub struct Reader {
    /// As whom its functions are.
    pub functions: Aws,
    /// As whom their metrics are: the same, or the account that it is linked to.
    pub metrics: Aws,
}

impl Default for Accounts {
    /// The account and the region of the chain.
    fn default() -> Self {
        Self {
            own: true,
            regions: Vec::new(),
            others: Vec::new(),
        }
    }
}

impl Accounts {
    /// A way to each account and region, all of them on the chain of `aws`. Each has a name of its own, such as `payments in
    /// eu-west-1`, where there are several.
    #[must_use]
    pub fn readers(&self, aws: &Aws) -> Vec<Reader> {
        let mut readers = Vec::new();
        if self.own {
            regional(OWN, (aws, aws), &self.regions, &mut readers);
        }
        for account in &self.others {
            let there = aws.assuming(account.role.clone());
            let regions = match account.regions.as_slice() {
                [] => &self.regions,
                own => own,
            };
            let linked = account.role.account_id().filter(|_| account.is_linked);
            let metrics = linked.map_or_else(|| there.clone(), |id| aws.observing(id));
            regional(account.name(), (&there, &metrics), regions, &mut readers);
        }
        match readers.as_slice() {
            [(_, only)] => vec![only.clone()],
            _ => readers.iter().map(|(name, one)| one.named(name)).collect(),
        }
    }
}

fn regional(
    name: &str,
    (functions, metrics): (&Aws, &Aws),
    regions: &[String],
    readers: &mut Vec<(String, Reader)>,
) {
    let reader = |change: &dyn Fn(&Aws) -> Aws| Reader {
        functions: change(functions),
        metrics: change(metrics),
    };
    if regions.is_empty() {
        readers.push((name.to_owned(), reader(&Aws::clone)));
    }
    readers.extend(regions.iter().map(|region| {
        let name = format!("{name} in {region}");
        (name, reader(&|aws| aws.in_region(region)))
    }));
}

impl Reader {
    fn named(&self, name: &str) -> Self {
        Self {
            functions: self.functions.named(name),
            metrics: self.metrics.named(name),
        }
    }
}

impl Account {
    /// How it is called: by its name, its number, or its role.
    #[must_use]
    pub fn name(&self) -> &str {
        let number = || self.role.account_id();
        let name = self.name.as_deref().or_else(number);
        name.unwrap_or(&self.role.arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::aws::AwsConfig;

    fn account(name: Option<&str>, number: u64, regions: &[&str]) -> Account {
        Account {
            name: name.map(str::to_owned),
            role: Role {
                arn: format!("arn:aws:iam::{number:012}:role/breakeven"),
                external_id: None,
            },
            regions: regions.iter().map(ToString::to_string).collect(),
            is_linked: false,
        }
    }

    fn names(accounts: &Accounts) -> Vec<String> {
        let aws = Aws::new(AwsConfig::default());
        let readers = accounts.readers(&aws).into_iter();
        let names = readers.map(|one| one.functions.name().map(|name| name.to_string()));
        names.map(Option::unwrap_or_default).collect()
    }

    #[test]
    fn there_is_a_reader_for_each_account_in_each_of_its_regions() {
        assert_eq!(names(&Accounts::default()), [""], "one needs no name");
        let accounts = Accounts {
            own: true,
            regions: vec!["eu-west-1".into(), "us-east-1".into()],
            others: vec![
                account(Some("payments"), 111_111_111_111, &[]),
                account(None, 222_222_222_222, &["ap-south-1"]),
            ],
        };
        assert_eq!(
            names(&accounts),
            [
                "own account in eu-west-1",
                "own account in us-east-1",
                "payments in eu-west-1",
                "payments in us-east-1",
                "222222222222 in ap-south-1",
            ]
        );
        let others = Accounts {
            own: false,
            ..accounts
        };
        assert_eq!(names(&others).len(), 3);
    }

    #[test]
    fn the_site_of_a_reader_is_known_before_it_is_asked_but_for_the_own_account() {
        let accounts = Accounts {
            regions: vec!["eu-west-1".into()],
            others: vec![account(None, 111_111_111_111, &[])],
            ..Accounts::default()
        };
        let readers = accounts.readers(&Aws::new(AwsConfig::default()));
        let [own, other] = readers.as_slice() else {
            panic!("two readers")
        };
        let account = |reader: &Reader| reader.functions.site().account_id;
        assert_eq!(account(own), None);
        assert_eq!(account(other).as_deref(), Some("111111111111"));
        for reader in &readers {
            let region = reader.functions.site().region;
            assert_eq!(region.as_deref(), Some("eu-west-1"));
        }
        own.functions.record_account(&"123456789012".into());
        assert_eq!(account(own).as_deref(), Some("123456789012"));
    }

    #[test]
    fn metrics_of_a_linked_account_are_read_with_the_own_credentials_and_are_still_its_own() {
        let [linked, other] = [true, false].map(|is_linked| Account {
            is_linked,
            ..account(None, 111_111_111_111, &["eu-west-1"])
        });
        for (account, expected) in [(linked, Some("111111111111")), (other, None)] {
            let accounts = Accounts {
                own: false,
                others: vec![account],
                ..Accounts::default()
            };
            let readers = accounts.readers(&Aws::new(AwsConfig::default()));
            let [Reader { functions, metrics }] = readers.as_slice() else {
                panic!("one reader")
            };
            assert_eq!(functions.linked(), None);
            assert_eq!(metrics.linked(), expected);
            assert_eq!(metrics.site(), functions.site());
        }
    }
}
