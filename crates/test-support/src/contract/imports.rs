//! Keys that another system made, as they are taken over.

use access_domain::{
    Action, ForeignDigests, FoundBy, Import, ImportOutcome, ImportRefusal, KeyChange, KeyMatches,
    KeyQuery, KeyRing, KeyTerms, ManagedKey, NewImport, OrganizationId, PresentedKey, Visibility,
};
use keys_core::{
    BareHash, Fingerprint, Form, HashAlgorithm, ImportedHash, KeyId, Pbkdf2Hash, Scopes, Secret,
    StoredSecret, Timestamp,
};

use super::{
    Given,
    given::{ALL, OTHER, SOMEBODY, at_once},
};

const KEY: &str = "sk_gupc2S3jei4jUAU4MIvP3A";

fn sha256(key: &str) -> ImportedHash {
    ImportedHash::Sha256(BareHash::sha256(key))
}

fn row(given: &Given, name: &str, hash: ImportedHash) -> NewImport {
    NewImport {
        id: given.id(),
        deployment: None,
        name: name.into(),
        terms: KeyTerms {
            scopes: Scopes::new(["orders:read".parse().unwrap()]).unwrap(),
            ..KeyTerms::default()
        },
        term: None,
        hash,
        prefix: Some("sk_".into()),
        created_by: SOMEBODY,
        created_at: given.now(),
        act: given.act(Action::KeyImported),
    }
}

fn import(given: &Given, organization: OrganizationId, rows: &[&NewImport]) -> Vec<ImportOutcome> {
    given.stores.import_keys(organization, ALL, rows).unwrap()
}

fn found(given: &Given, key: &str) -> KeyMatches {
    let query = query(given, key);
    given.stores.find_keys(&[query]).unwrap().remove(0)
}

fn query(given: &Given, key: &str) -> KeyQuery {
    let (digest, form) = (given.peppers.current().digest(key), Form::of(key));
    let presented = PresentedKey { digest, form, plaintext: Secret::new(key.into()) };
    presented.query(&given.peppers)
}

fn ids(found: &KeyMatches) -> Vec<KeyId> {
    found.iter().map(|record| record.id).collect()
}

fn keys(given: &Given, organization: OrganizationId) -> Vec<ManagedKey> {
    let all = access_domain::KeyFilter::default();
    let page = super::given::first(200);
    let page = given.stores.list_keys(organization, KeyRing::Organization, &all, page);
    page.unwrap().unwrap().items
}

fn change(given: &Given, organization: OrganizationId, id: KeyId, change: &KeyChange) {
    let (rule, act) = (|_: &ManagedKey| Ok(change.clone()), given.act(Action::KeyChanged));
    given.stores.change_key(organization, KeyRing::Organization, id, &rule, &act).unwrap();
}

pub fn an_imported_key_is_found_by_either_hash_and_told_without_a_secret(given: &Given) {
    let organization = given.organization("acme");
    let by_512 = row(given, "512", ImportedHash::Sha512(BareHash::sha512("another key of theirs")));
    let by_256 = row(given, "256", sha256(KEY));
    let outcomes = import(given, organization, &[&by_512, &by_256]);
    assert_eq!(outcomes, [Ok(Import::Made(by_512.id)), Ok(Import::Made(by_256.id))]);
    assert_eq!(ids(&found(given, "another key of theirs")), [by_512.id]);
    let matches = found(given, KEY);
    let record = matches.choose(None).unwrap();
    assert_eq!((record.id, record.name.as_str()), (by_256.id, "256"));
    assert_eq!(record.secret, FoundBy::Imported);
    assert_eq!(record.key.scopes, by_256.terms.scopes);
    assert!(found(given, "sk_gupc2S3jei4jUAU4MIvP3B").is_empty());
    let told = keys(given, organization);
    let told = told.iter().find(|key| key.id == by_256.id).unwrap();
    let imported = told.imported.clone().unwrap();
    let tells = (imported.algorithm.as_str(), imported.prefix.as_deref(), imported.grace_until);
    assert_eq!(tells, (HashAlgorithm::Sha256.as_str(), Some("sk_"), None));
    assert_eq!((told.secrets.len(), told.created_by), (0, Some(SOMEBODY)));
    assert_eq!(told.terms, by_256.terms);
}

pub fn a_key_is_imported_onto_a_deployment_that_its_importer_sees(given: &Given) {
    let deployed = given.deployed("acme");
    let deployment = Some(deployed.deployment.id);
    let new = NewImport { deployment, ..row(given, "", sha256(KEY)) };
    let elsewhere = given.organization("other");
    let as_other = Visibility::Member(OTHER);
    for (organization, visibility) in [(elsewhere, ALL), (deployed.organization, as_other)] {
        let refused = given.stores.import_keys(organization, visibility, &[&new]).unwrap();
        assert_eq!(refused, [Err(ImportRefusal::UnknownDeployment)]);
    }
    assert_eq!(import(given, deployed.organization, &[&new]), [Ok(Import::Made(new.id))]);
    let matches = found(given, KEY);
    let owner = matches.choose(None).unwrap().key.owner;
    assert_eq!(owner, access_domain::KeyOwner::Deployment(deployed.deployment.id));
    let (organization, act) = (deployed.organization, given.act(Action::DeploymentDeleted));
    given.stores.delete_deployment(organization, ALL, deployed.deployment.id, &act).unwrap();
    assert!(found(given, KEY).is_empty());
    let again = NewImport { deployment: None, ..row(given, "again", sha256(KEY)) };
    assert_eq!(import(given, organization, &[&again]), [Err(ImportRefusal::Deleted)]);
}

pub fn a_row_that_was_imported_before_is_told_and_left_as_it_is(given: &Given) {
    let organization = given.organization("acme");
    let first = row(given, "first", sha256(KEY));
    let same = row(given, "another name", sha256(KEY));
    let outcomes = import(given, organization, &[&first, &same]);
    assert_eq!(outcomes, [Ok(Import::Made(first.id)), Ok(Import::Found(first.id))]);
    assert_eq!(import(given, organization, &[&same]), [Ok(Import::Found(first.id))]);
    assert_eq!(keys(given, organization).len(), 1);
    assert_eq!(ids(&found(given, KEY)), [first.id]);
}

pub fn a_refused_row_hinders_no_other(given: &Given) {
    let organization = given.organization("acme");
    let taken = given.new_organization_key("taken");
    let act = given.act(Action::KeyCreated);
    given.stores.create_key(organization, KeyRing::Organization, &taken, &act).unwrap();
    let unknown = NewImport { deployment: Some(given.id()), ..row(given, "", sha256("a")) };
    let named = row(given, "taken", sha256("b"));
    let good = row(given, "good", sha256(KEY));
    let outcomes = import(given, organization, &[&unknown, &named, &good]);
    let expected = [
        Err(ImportRefusal::UnknownDeployment),
        Err(ImportRefusal::NameTaken),
        Ok(Import::Made(good.id)),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(ids(&found(given, KEY)), [good.id]);
}

pub fn two_organizations_may_import_the_same_key(given: &Given) {
    let [one, two] = ["one", "two"].map(|slug| given.organization(slug));
    let [of_one, of_two] = [(); 2].map(|()| row(given, "shared", sha256(KEY)));
    assert_eq!(import(given, one, &[&of_one]), [Ok(Import::Made(of_one.id))]);
    assert_eq!(import(given, two, &[&of_two]), [Ok(Import::Made(of_two.id))]);
    let matches = found(given, KEY);
    assert_eq!((matches.iter().count(), matches.choose(None)), (2, None));
    change(given, two, of_two.id, &KeyChange::Delete { at: given.now() });
    assert_eq!(ids(&found(given, KEY)), [of_one.id]);
}

pub fn a_deleted_imported_key_is_unknown_and_does_not_come_back(given: &Given) {
    let organization = given.organization("acme");
    let new = row(given, "gone", sha256(KEY));
    import(given, organization, &[&new]);
    change(given, organization, new.id, &KeyChange::Delete { at: given.now() });
    assert!(found(given, KEY).is_empty());
    let again = row(given, "gone", sha256(KEY));
    assert_eq!(import(given, organization, &[&again]), [Err(ImportRefusal::Deleted)]);
}

pub fn of_eight_imports_of_the_same_rows_at_once_one_makes_the_keys(given: &Given) {
    let organization = given.organization("acme");
    let keys_of_theirs: Vec<String> = (0..10).map(|number| format!("{KEY}{number}")).collect();
    let outcomes = at_once(8, |thread| {
        let named = |key: &String| row(given, key, sha256(key));
        let mut rows: Vec<NewImport> = keys_of_theirs.iter().map(named).collect();
        // In either order, so that two could wait for each other.
        if thread % 2 == 0 {
            rows.reverse();
        }
        import(given, organization, &rows.iter().collect::<Vec<_>>())
    });
    let made = outcomes.iter().flatten().filter(|one| matches!(one, Ok(Import::Made(_))));
    assert_eq!(made.count(), 10);
    assert!(outcomes.iter().flatten().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(keys(given, organization).len(), 10);
}

pub fn the_imported_hash_of_a_rotated_key_is_good_for_its_grace(given: &Given) {
    let organization = given.organization("acme");
    let new = row(given, "rotated", sha256(KEY));
    import(given, organization, &[&new]);
    let until = given.now() + std::time::Duration::from_secs(60);
    let rotate = |grace_until: Timestamp| {
        let (secret, at) = (given.secret(), given.now());
        change(
            given,
            organization,
            new.id,
            &KeyChange::Rotate { secret: secret.clone(), at, grace_until, expires_at: None },
        );
        secret
    };
    let first = rotate(until);
    assert_eq!(found(given, KEY).choose(None).unwrap().key.grace_until, Some(until));
    let told = keys(given, organization).remove(0);
    assert_eq!(told.rotation_state().grace_until, Some(until));
    assert_eq!(told.secrets.len(), 1);
    assert_eq!(given.found_by(&first.digest).unwrap().key.grace_until, None);
    rotate(until);
    assert!(found(given, KEY).is_empty(), "a second rotation ends it");
    assert!(given.found_by(&first.digest).is_some());
}

fn adopt(given: &Given, key: &str) -> StoredSecret {
    let secret = StoredSecret::adopted(key, given.peppers.current());
    let (matches, foreign) = (found(given, key), ForeignDigests::of(key));
    let record = matches.iter().next().unwrap();
    given.stores.adopt(record, &secret, &foreign, given.now()).unwrap();
    secret
}

pub fn an_adopted_key_has_a_secret_of_ours_and_nothing_of_theirs(given: &Given) {
    let organization = given.organization("acme");
    let new = row(given, "adopted", sha256(KEY));
    import(given, organization, &[&new]);
    let secrets = at_once(8, |_| adopt(given, KEY));
    let matches = found(given, KEY);
    let record = matches.choose(None).unwrap();
    let pepper = secrets[0].pepper.clone();
    let native = FoundBy::Native { digest: secrets[0].digest, pepper };
    assert_eq!((record.id, &record.secret), (new.id, &native));
    let told = keys(given, organization).remove(0);
    assert_eq!((told.imported, told.secrets.len()), (None, 1));
    assert_eq!(told.secrets[0].hint, "…vP3A");
    assert_eq!(told.secrets[0].fingerprint, Fingerprint::of(KEY));
    assert_eq!(told.secrets[0].last_used_at, Some(given.now()));
    let again = row(given, "again", sha256(KEY));
    assert_eq!(import(given, organization, &[&again]), [Ok(Import::Found(new.id))]);
}

pub fn a_key_is_not_adopted_while_another_organization_has_it_too(given: &Given) {
    let [one, two] = ["one", "two"].map(|slug| given.organization(slug));
    import(given, one, &[&row(given, "256", sha256(KEY))]);
    let by_512 = row(given, "512", ImportedHash::Sha512(BareHash::sha512(KEY)));
    import(given, two, &[&by_512]);
    adopt(given, KEY);
    assert_eq!(found(given, KEY).iter().count(), 2);
    change(given, two, by_512.id, &KeyChange::Delete { at: given.now() });
    adopt(given, KEY);
    assert!(found(given, KEY).iter().all(|record| record.secret != FoundBy::Imported));
}

pub fn a_salted_hash_is_found_by_the_prefix_of_its_key(given: &Given) {
    let organization = given.organization("acme");
    let hash = Pbkdf2Hash::new(7, "salt".into(), [1; 32].into()).unwrap();
    let slow = ImportedHash::Pbkdf2Sha256(hash.clone());
    let new = NewImport { prefix: Some("n58lzybi".into()), ..row(given, "slow", slow) };
    import(given, organization, &[&new]);
    let candidates = |key: &str| found(given, key).candidates().to_vec();
    let matches = candidates("n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0");
    assert_eq!(matches.len(), 1);
    assert_eq!((matches[0].record.id, &matches[0].hash), (new.id, &hash));
    assert!(candidates("n58lzybj.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0").is_empty());
    assert!(candidates("n58lzybi-and-no-dot-behind-it").is_empty());
    change(given, organization, new.id, &KeyChange::Delete { at: given.now() });
    assert!(candidates("n58lzybi.1M2baTIHuRgPGbzdZC3Zch0b8VC2etL0").is_empty());
}
