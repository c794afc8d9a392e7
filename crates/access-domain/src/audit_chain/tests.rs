//! Chains that are whole, and every way in which one is not.

use uuid::Uuid;

use super::*;

fn organization() -> OrganizationId {
    Uuid::from_u128(9).into()
}

fn peppers(byte: u8) -> Peppers {
    Pepper::new(&[byte; 32]).unwrap().into()
}

fn entry(number: u128) -> AuditEntry {
    AuditEntry {
        id: Uuid::from_u128(number).to_string(),
        organization_id: organization().uuid().to_string(),
        at: 1_790_000_000_000_000,
        actor_kind: "user".into(),
        actor_id: Some(Uuid::from_u128(7).to_string()),
        actor_name: "ada".into(),
        action: "key.created".into(),
        subject_kind: "organization_key".into(),
        subject_id: Some(Uuid::from_u128(8).to_string()),
        subject_name: "billing".into(),
        reason: None,
        occurrences: 1,
        address: Some("192.0.2.1".into()),
        request_id: None,
    }
}

/// What is stored of five entries that were sealed two and three at a time.
#[derive(Clone)]
struct Stored {
    chain: Chain,
    total: ChainTotal,
    rows: Vec<SealedEntry>,
}

impl Stored {
    fn empty() -> Self {
        Self { chain: Chain::default(), total: ChainTotal::default(), rows: Vec::new() }
    }

    fn five() -> Self {
        Self::empty().with(&peppers(1), [1, 2]).with(&peppers(1), [3, 4, 5])
    }

    fn with<const N: usize>(mut self, peppers: &Peppers, numbers: [u128; N]) -> Self {
        let entries = numbers.map(entry);
        let sealing = seal(peppers, organization(), &self.chain, &self.total, &entries).unwrap();
        let sealed = entries.into_iter().zip(sealing.seals);
        self.rows.extend(sealed.map(|(entry, seal)| SealedEntry { entry, seal }));
        self.chain.mark = Some(sealing.head.seq);
        self.chain.head = Some(sealing.head);
        self.total = sealing.total;
        self
    }

    fn verify(&self, peppers: &Peppers) -> Result<i64, ChainBreak> {
        let mut reader = ChainReader::begin(peppers, organization(), &self.chain)?;
        for row in &self.rows {
            reader.read(row)?;
        }
        let seq = reader.seq();
        reader.end().map(|()| seq)
    }
}

#[track_caller]
fn broken(change: impl Fn(&mut Stored), kind: BreakKind, seq: Option<i64>) {
    let mut stored = Stored::five();
    change(&mut stored);
    let found = stored.verify(&peppers(1)).unwrap_err();
    assert_eq!((found.kind, found.seq, found.organization), (kind, seq, Some(organization())));
}

#[test]
fn a_whole_chain_verifies_and_goes_on_under_another_pepper() {
    assert_eq!(Stored::empty().verify(&peppers(1)), Ok(0));
    assert_eq!(Stored::five().verify(&peppers(1)), Ok(5));
    let [next, before] = [2, 1].map(|byte| Pepper::new(&[byte; 32]).unwrap());
    let both = Peppers::new(next, vec![before]);
    let stored = Stored::five().with(&both, [6]);
    assert_eq!(stored.verify(&both), Ok(6));
    assert_eq!(stored.verify(&peppers(1)).unwrap_err().kind, BreakKind::PepperMissing);
    let found = stored.verify(&peppers(2)).unwrap_err();
    assert_eq!((found.kind, found.seq), (BreakKind::PepperMissing, Some(1)));
}

#[test]
fn a_row_that_is_gone_is_named_by_its_place() {
    broken(|stored| drop(stored.rows.remove(0)), BreakKind::RowMissing, Some(1));
    broken(|stored| drop(stored.rows.remove(2)), BreakKind::RowMissing, Some(3));
    broken(|stored| drop(stored.rows.pop()), BreakKind::TailCut, Some(5));
    broken(|stored| stored.rows.clear(), BreakKind::TailCut, Some(1));
}

#[test]
fn a_change_of_any_column_is_found_at_its_row() {
    let changes: [fn(&mut AuditEntry); 14] = [
        |entry| entry.id.replace_range(..1, "1"),
        |entry| entry.organization_id.replace_range(..1, "1"),
        |entry| entry.at += 1,
        |entry| entry.actor_kind = "usex".into(),
        |entry| entry.actor_id = None,
        |entry| entry.actor_name = "adb".into(),
        |entry| entry.action = "key.changed".into(),
        |entry| entry.subject_kind = "deployment_key".into(),
        |entry| entry.subject_id = None,
        |entry| entry.subject_name = "billinh".into(),
        |entry| entry.reason = Some(String::new()),
        |entry| entry.occurrences = 2,
        |entry| entry.address = Some("192.0.2.2".into()),
        |entry| entry.request_id = Some("x".into()),
    ];
    for change in changes {
        broken(|stored| change(&mut stored.rows[2].entry), BreakKind::RowChanged, Some(3));
    }
    broken(|stored| stored.rows[2].seal.mac[31] ^= 1, BreakKind::RowChanged, Some(3));
    broken(|stored| stored.rows[2].seal.mac.truncate(31), BreakKind::RowChanged, Some(3));
    broken(|stored| stored.rows[4].seal.pepper = "x".into(), BreakKind::PepperMissing, Some(5));
}

#[test]
fn what_moves_from_one_column_to_the_next_is_found() {
    broken(
        |stored| {
            stored.rows[2].entry.actor_name = "adakey".into();
            stored.rows[2].entry.action = ".created".into();
        },
        BreakKind::RowChanged,
        Some(3),
    );
}

#[test]
fn a_row_that_nobody_sealed_is_found() {
    let inserted = |seq| SealedEntry {
        entry: entry(99),
        seal: Seal { seq, ..Stored::five().rows[4].seal.clone() },
    };
    broken(|stored| stored.rows.push(inserted(6)), BreakKind::RowInserted, Some(6));
    broken(|stored| stored.rows.insert(0, inserted(0)), BreakKind::RowInserted, Some(0));
    broken(|stored| stored.rows[3] = inserted(4), BreakKind::RowChanged, Some(4));
}

#[test]
fn a_head_that_is_not_the_last_one_sealed_is_found() {
    let head = |stored: &mut Stored, change: fn(&mut ChainHead)| {
        change(stored.chain.head.as_mut().unwrap());
    };
    let changed = BreakKind::HeadChanged;
    broken(|stored| head(stored, |head| head.seq = 4), changed, Some(4));
    broken(|stored| head(stored, |head| head.checkpoint_seq = 2), changed, Some(5));
    broken(|stored| head(stored, |head| head.mac[0] ^= 1), changed, Some(5));
    broken(|stored| head(stored, |head| head.head_mac[0] ^= 1), changed, Some(5));
    broken(|stored| stored.chain.head = None, BreakKind::HeadMissing, None);
    broken(|stored| stored.chain.mark = Some(4), BreakKind::MarkChanged, Some(5));
    broken(|stored| stored.chain.mark = None, BreakKind::MarkChanged, Some(5));
}

#[test]
fn a_tail_that_is_cut_together_with_its_head_is_found_by_mark_and_total() {
    let earlier = Stored::empty().with(&peppers(1), [1, 2]);
    let cut = |stored: &mut Stored| {
        stored.rows.truncate(2);
        stored.chain.head.clone_from(&earlier.chain.head);
    };
    broken(cut, BreakKind::HeadSetBack, Some(3));
    // With the mark set back too, the total still counts what is gone.
    let later = Stored::five();
    let back = Stored { total: later.total.clone(), ..earlier };
    assert_eq!(back.verify(&peppers(1)), Ok(2));
    assert_eq!(check_total(&peppers(1), &back.total), Ok(5));
}

#[test]
fn a_total_is_what_was_sealed_or_nothing_is_built_on_it() {
    let stored = Stored::five();
    let total = |sealed| ChainTotal { sealed, ..stored.total.clone() };
    let kind = |total: &ChainTotal| check_total(&peppers(1), total).unwrap_err().kind;
    assert_eq!(kind(&total(4)), BreakKind::TotalChanged);
    assert_eq!(kind(&ChainTotal { mac: None, ..total(5) }), BreakKind::TotalChanged);
    assert_eq!(kind(&ChainTotal { sealed: 5, ..ChainTotal::default() }), BreakKind::TotalChanged);
    let next = [entry(6)];
    let refused = seal(&peppers(1), organization(), &stored.chain, &total(4), &next).unwrap_err();
    assert_eq!(refused.kind, BreakKind::TotalChanged);
    let set_back = Chain { mark: Some(9), ..stored.chain.clone() };
    let refused = seal(&peppers(1), organization(), &set_back, &total(5), &next).unwrap_err();
    assert_eq!(refused.kind, BreakKind::HeadSetBack);
}

#[test]
fn a_pruned_chain_verifies_from_its_checkpoint() {
    let mut stored = Stored::five();
    let keys = peppers(1);
    let mut reader = ChainReader::begin(&keys, organization(), &stored.chain).unwrap();
    for row in stored.rows.drain(..3) {
        reader.read(&row).unwrap();
    }
    stored.chain.head = reader.pruned();
    assert_eq!(stored.verify(&keys), Ok(5));
    stored.rows.remove(0);
    let found = stored.verify(&keys).unwrap_err();
    assert_eq!((found.kind, found.seq), (BreakKind::RowMissing, Some(4)));
    let unread = ChainReader::begin(&keys, organization(), &stored.chain).unwrap();
    assert_eq!(unread.pruned(), None);
}

#[test]
fn a_chain_is_its_organizations_own() {
    let stored = Stored::five();
    let other: OrganizationId = Uuid::from_u128(10).into();
    let found = ChainReader::begin(&peppers(1), other, &stored.chain).err().unwrap();
    assert_eq!(found.kind, BreakKind::HeadChanged);
}

/// Whoever wants to check a chain with other tools has this to begin with.
#[test]
fn the_message_of_an_entry_is_as_documented() {
    let short = AuditEntry { subject_name: String::new(), ..entry(1) };
    let message = entry_message(&[0xab], 3, "p", &short);
    let field = |bytes: &[u8]| [&[1][..], &(bytes.len() as u64).to_be_bytes(), bytes].concat();
    let begin = [
        field(b"keywright audit entry 1"),
        field(&[0xab]),
        field(&3_i64.to_be_bytes()),
        field(b"p"),
        field(short.id.as_bytes()),
    ];
    assert!(message.starts_with(&begin.concat()));
    let end = [field(b""), vec![0], field(&1_i64.to_be_bytes()), field(b"192.0.2.1"), vec![0]];
    assert!(message.ends_with(&end.concat()));
}
