//! Organizations: one or many under each name, and every mention of one is of one that exists.

use squall_mock_server::fault::nearest;
use std::collections::BTreeMap;

use super::Checker;
use crate::scenario::model::{Organization, Orgs};
use crate::scenario::problem::Problem;
use crate::scenario::raw::{Name, RawOrganizations};
use crate::scenario::yaml::At;
use crate::trace::OrgName;

/// More than any gateway holds in one process, and few enough for every run to end.
const MOST: u32 = 10_000;

impl Checker<'_> {
    /// Every organization of the run. What is wrong with their names is complained of.
    pub(super) fn organizations(
        &mut self,
        raw: &At<RawOrganizations>,
    ) -> BTreeMap<OrgName, Organization> {
        if raw.value.0.is_empty() {
            self.at(raw.at, Problem::NoOrganizations);
        }
        let mut all = BTreeMap::new();
        for (name, organization) in &raw.value.0 {
            self.a_name("organizations", name.at, &name.value.0);
            let paired = organization.paired;
            let orgs = self.under(name, organization.count.as_ref());
            for org in orgs.0.iter() {
                if all.insert(org.clone(), Organization { paired }).is_some() {
                    let key = org.to_string();
                    self.at(name.at, Problem::DuplicateKey { key });
                }
            }
            let name = OrgName::from(name.value.0.as_str());
            self.organizations.insert(name, orgs);
        }
        all
    }

    /// The organizations under a name: itself, or so many numbered ones.
    fn under(&mut self, name: &At<Name>, count: Option<&At<u32>>) -> Orgs {
        let name = &name.value.0;
        let Some(count) = count else {
            return Orgs([OrgName::from(name.as_str())].into());
        };
        if !(1..=MOST).contains(&count.value) {
            let problem = format!("`count` is from 1 to {MOST}");
            self.at(count.at, Problem::Value(problem));
        }
        let numbers = 1..=count.value.min(MOST);
        Orgs(
            numbers
                .map(|n| OrgName::from(format!("{name}-{n}")))
                .collect(),
        )
    }

    /// The organizations under this name, or the one that has it. A name that does not exist is complained of.
    pub(super) fn orgs(&mut self, name: &At<Name>) -> Orgs {
        match self.organizations.get(name.value.0.as_str()) {
            Some(orgs) => orgs.clone(),
            None => Orgs([self.org(name)].into()),
        }
    }

    /// The one organization of this name. A name that does not exist, or that is many, is complained of.
    pub(super) fn org(&mut self, name: &At<Name>) -> OrgName {
        let org = OrgName::from(name.value.0.as_str());
        let is_one = |orgs: &Orgs| orgs.0.contains(&org);
        if self.organizations.values().any(is_one) {
            return org;
        }
        let problem = match self.organizations.get(&org) {
            Some(orgs) => Problem::Value(format!(
                "`{org}` is {} organizations; name one of them, such as `{org}-1`",
                orgs.0.len()
            )),
            None => {
                let known: Vec<String> =
                    self.organizations.keys().map(ToString::to_string).collect();
                Problem::UnknownOrganization {
                    org: org.to_string(),
                    nearest: nearest(&org, known.iter().map(String::as_str)),
                    known,
                }
            }
        };
        self.at(name.at, problem);
        org
    }
}
