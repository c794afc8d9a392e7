PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE __diesel_schema_migrations (
       version VARCHAR(50) PRIMARY KEY NOT NULL,
       run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000001','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000002','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000003','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000004','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000005','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000006','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000007','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000008','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000009','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000010','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000011','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000012','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000013','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000014','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261121000015','2026-11-22 04:46:58');
INSERT INTO "__diesel_schema_migrations" VALUES('20261122000016','2026-11-22 04:46:58');
CREATE TABLE audit_entries (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    at bigint NOT NULL,
    actor_kind text NOT NULL,
    -- Null for the command line.
    actor_id text,
    actor_name text NOT NULL,
    action text NOT NULL,
    subject_kind text NOT NULL,
    -- Null where an operation is meant and no thing.
    subject_id text,
    subject_name text NOT NULL,
    -- Why a key was revoked, or the code of a refusal.
    reason text,
    -- How often it happened within the minute: refusals are counted, everything else stands alone.
    occurrences integer NOT NULL,
    address text,
    request_id text,
    seq bigint,
    mac blob,
    pepper text,
    UNIQUE (organization_id, seq),
    CHECK ((seq IS NULL) = (mac IS NULL)),
    CHECK ((seq IS NULL) = (pepper IS NULL))
);
INSERT INTO "audit_entries" VALUES('01a20194-2f62-766b-b5ae-b71e1d18efcb','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322818402498,'command_line',NULL,'','organization.created','organization','01a20194-2f62-7edf-9c46-2f12abc8a90f','acme',NULL,1,NULL,NULL,1,X'40A9EF1CC19E464B45FA709A753EB42348E9E3124BF0F7B5227336A453123168','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-30fd-7ad0-b3bb-1b5cc0f1f664','01a20194-30fd-79d2-8201-b626b4eef8c6',1795322818813213,'command_line',NULL,'','organization.created','organization','01a20194-30fd-79d2-8201-b626b4eef8c6','other',NULL,1,NULL,NULL,1,X'7CDCDAA882409B1353942A29276F45EF1912534533CF8B464061A15D58ADEBA2','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-39d8-7c2b-96c9-283f2372057b','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821080017,'user','01a20194-2f62-7cb7-8def-f1b5b2bc15d1','ada','platform_key.created','platform_key','01a20194-39d8-78fb-90fb-37e6fb1fcca0','Key #2',NULL,1,'127.0.0.1','35530af3-cff9-4a0f-8119-d45c3cde7eab',2,X'36820DEA6812360F078A2538F00F522D40C4675934E3EE2D7E2B07A3FCA0A3AE','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-39f1-796c-86d7-07fada52eb64','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821105867,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','webhook.created','webhook','01a20194-39f1-780d-82c4-62a218110ccd','http://127.0.0.1:9',NULL,1,'127.0.0.1','07a72212-5726-4cee-a492-26d23e9ad28e',3,X'A5D16C8DFB04C4ECAE257E2CFF12487542D2D016ABE1BE4235EC96E3664F1A4E','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3a3f-7028-a8f8-d1a6dd3fb66a','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821183582,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','webhook.rotated','webhook','01a20194-39f1-780d-82c4-62a218110ccd','http://127.0.0.1:9',NULL,1,'127.0.0.1','e8633c7e-11f7-484d-8b36-3c1c5b290a6d',4,X'FACCD8E3DB2A10F723813C9654D09D1E19E3350A9ED5ADC33622901B51C81133','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3a7c-780a-81a2-6f5126313122','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821244153,'user','01a20194-2f62-7cb7-8def-f1b5b2bc15d1','ada','secret.set','secret',NULL,'TOKEN',NULL,1,'127.0.0.1','0da252fa-8519-4bed-97fe-9817bbbe0583',5,X'CA9D5AD47C7E2B73778A8168CED5BAD1D85B8B72C7931B8E2F724ED53BA6BE00','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3aab-7214-a5ee-a159988d6475','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821291809,'user','01a20194-2f62-7cb7-8def-f1b5b2bc15d1','ada','member.invited','invitation','01a20194-3aab-7770-8aa5-a0d2cb863e86','bea@example.com',NULL,1,'127.0.0.1','daa9169a-5cfb-4ae2-b776-445bbd4e3faa',6,X'FD5B635A9E2C31BB8080FAF63C2F473029495A7D8F04E52F4B6B42A8A8ADE9D0','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3b9c-786a-a179-a3947b8b294d','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821532124,'user','01a20194-3b9c-7332-a65e-022bea407496','bea','member.joined','user','01a20194-3b9c-7332-a65e-022bea407496','bea',NULL,1,'127.0.0.1','3ae2aa21-ec0b-4ea4-b6aa-c10d791af4f3',7,X'48CAC90A8AFD85AC232AA83EE4ADD4531D32202E191C403A5D4F50943DDB1F3C','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3c04-77fd-a079-70270bd233cb','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821636041,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','workflow.created','workflow','01a20194-3c04-7acb-a82f-4fdf744a8035','pass on',NULL,1,'127.0.0.1','33cb3966-7ecf-4429-90fd-b81c837156c4',8,X'57646700F03F9B659B683F0A072307203CC58F89D543D53177F8F9B18DC36ACA','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3c0d-7baa-89bc-b0bc4c304747','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821645532,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','workflow.changed','workflow','01a20194-3c04-7acb-a82f-4fdf744a8035','pass on',NULL,1,'127.0.0.1','f5942dc8-b4de-4bda-9ac7-0bcb402f9c0b',9,X'EAA851C868195400F0C19FD4FDE1C331490DC6351C6180CAD72195D24136559E','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3c16-758f-ba7f-c377c1ad0822','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821654568,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','deployment.created','deployment','01a20194-3c16-7f21-b3a7-943548932e41','pass_on',NULL,1,'127.0.0.1','6db9475b-07f2-438f-88ec-19f63e86e77b',10,X'588521D24CF0A1154F28E6F257CB63164735A31B8D5BA7479D9F5C56264C19B5','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3c16-795c-9ccf-9b5978cd7fbc','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821654568,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.created','deployment_key','01a20194-3c16-7a64-b5dd-b5bd17526da5','First key of pass_on',NULL,1,'127.0.0.1','6db9475b-07f2-438f-88ec-19f63e86e77b',11,X'2C9E397586C2215B08D34D36BA27906EE0CFB5441098300469DB389664749DAA','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3cde-75f6-9c0a-a1dbd788a87e','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821854875,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','workflow.created','workflow','01a20194-3cde-79f2-b1af-8c166b0b50f0','fail',NULL,1,'127.0.0.1','9b5d4bbe-b0bb-4d60-a168-a82e6b5a14f1',12,X'1CFC4C3C6D37D7C74CE18D4FD26DDCD1B1D334BEBC0B0C42F23F3F060A22EE83','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3d1b-70b3-8523-7676d6431c2d','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821915266,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','workflow.shared','workflow','01a20194-3c04-7acb-a82f-4fdf744a8035','pass on',NULL,1,'127.0.0.1','de9a8d6d-0f6e-4940-8807-65c5c26ec111',13,X'038C49ED47A70C742EED6D86C5C14C426FE8163732C53F0F50BD544F853F3472','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3d47-7b54-b6fd-ff15d30a0ddf','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821959729,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','deployment.shared','deployment','01a20194-3c16-7f21-b3a7-943548932e41','pass_on',NULL,1,'127.0.0.1','1513e24d-00c4-4c32-81a0-5dba417a6145',14,X'23E59E2BE8D8EDB7729106131B21259B78C99B891D4CAB172D180000010ADDD9','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3d6d-7c0e-8848-fcbabe0d18b4','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322821997220,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','workflow.created','workflow','01a20194-3d6d-7243-9385-446fd4a014e3','copy',NULL,1,'127.0.0.1','93dd36a1-4e5d-4750-a5cc-cfb7cf407faf',15,X'623A80810F1A49DB98323B59F584BEF62EADBB6C4BE25EF0F0BC8B90EA35CFCC','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3d9d-7866-af59-77ca053336b4','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822045459,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','deployment.created','deployment','01a20194-3d9d-77b7-b7e8-c117cbb84d88','copy',NULL,1,'127.0.0.1','a11b1f97-67cf-4e8c-b14d-5788407735fb',16,X'558801223182E0E699982E465CF17A0E4C5E99384059C89E7D250176B1AC3ABD','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3d9d-7f5e-a19a-b3df75a97920','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822045459,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.created','deployment_key','01a20194-3d9d-7564-93dc-378f29c22eae','First key of copy',NULL,1,'127.0.0.1','a11b1f97-67cf-4e8c-b14d-5788407735fb',17,X'23AD6F0EEB7AFA3D4FAAF8E11DDC72FB8ACA8F08C9395B5599F98A3FF6B7B611','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3f19-77dd-a87a-3492a7420882','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822425781,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','schedule.set','workflow','01a20194-3d6d-7243-9385-446fd4a014e3','copy',NULL,1,'127.0.0.1','e404c6cb-625c-4cb1-b4c2-e127740bd7c0',18,X'FACAD3AF1114BE9D727EC36A689B4D23245327F38B050A279BA708E25D1AA517','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3f48-7751-ab88-9dafccee1df7','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822472330,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.created','organization_key','01a20194-3f48-77f7-a181-631da7cebeef','checksummed',NULL,1,'127.0.0.1','07ca3e1c-c243-4241-8e16-3d40db84afce',19,X'97101C708EB0CBC6BE54B2D84F4C2C85E3F933E93D4BB15B004E0A081D7210EA','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3f8c-77c6-b7b1-4699eb6cf8e5','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822540293,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.rotated','organization_key','01a20194-3f48-77f7-a181-631da7cebeef','checksummed',NULL,1,'127.0.0.1','95c69a0a-0fd0-4f8b-bc0f-1d700c1c21dc',20,X'AFB38D05DF4E10B4CED485D3F1634F9AD365B52DD1EA7CEF21D3C801BA54109E','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3fb8-7416-a5ea-294b35011507','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822584155,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.created','organization_key','01a20194-3fb8-7d41-8900-948b4d7ed368','prefix_secret',NULL,1,'127.0.0.1','825af8e1-42d7-4913-86af-ed01ce690b0d',21,X'A3594793260BAE99FFA91DC1A13D251818DF46C8BEFF835EB7E7D0188EC68F46','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-3fea-7d3a-b3fe-91457db9acaa','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822634639,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.created','organization_key','01a20194-3fea-7382-bd5f-e4565a1638b5','revoked',NULL,1,'127.0.0.1','9168e469-da56-4acd-afd2-bb8bf9079632',22,X'950169A46484262A779C38E54F422E2B891E1B8E205FF8E344598F99498C055E','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-4007-7c29-9fad-57b32f3faf5b','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822663603,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.revoked','organization_key','01a20194-3fea-7382-bd5f-e4565a1638b5','revoked','left on a train',1,'127.0.0.1','0a722e38-3fb1-4f8a-965b-f5829c981713',23,X'92D77F0B4331A50A06493A1B99E71E56B9F84A687AD8FD3ADEF0CC240874388B','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-4047-735d-a80d-d4e453ef05cf','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822727670,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.imported','organization_key','01a20194-4047-7569-8346-e0694f7e3868','foreign',NULL,1,'127.0.0.1','71a2864e-bbaf-4270-86fb-8b4efa983e53',24,X'AC394CD91F5C70A50A8B2D17D4AF06E0EA287BFBD1B96FB8F8C09D0BE39FEB19','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-4047-73b0-8b73-1d9cd3030f10','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322822727670,'platform_key','01a20194-2f62-790b-8617-3351d9a1cfd5','Key #1','key.imported','organization_key','01a20194-4047-7723-a422-e2c871f53f05','salted',NULL,1,'127.0.0.1','71a2864e-bbaf-4270-86fb-8b4efa983e53',25,X'22D612D22A2CAD5837C2B3122E0796555EA9EB15341689F2FCEE2F0E61FA1C01','55522f49c1dd5526');
INSERT INTO "audit_entries" VALUES('01a20194-5394-7fa1-a6a7-439cce9b5c16','01a20194-2f62-7edf-9c46-2f12abc8a90f',1795322827668195,'user','01a20194-2f62-7cb7-8def-f1b5b2bc15d1','ada','member.invited','invitation','01a20194-5394-7c84-8e9d-f62a60e47ac7','cyn@example.com',NULL,1,'127.0.0.1','35b3d568-a7b0-497e-b3a3-9b9f17396342',26,X'265E01865837ADB342E5D631D3AB43C4702843E1D76B584831E6844B39FD2E43','55522f49c1dd5526');
CREATE TABLE audit_heads (
    organization_id text PRIMARY KEY NOT NULL REFERENCES organizations (id),
    seq bigint NOT NULL,
    mac blob NOT NULL,
    checkpoint_seq bigint NOT NULL,
    checkpoint_mac blob NOT NULL,
    pepper text NOT NULL,
    head_mac blob NOT NULL
);
INSERT INTO "audit_heads" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f',26,X'265E01865837ADB342E5D631D3AB43C4702843E1D76B584831E6844B39FD2E43',0,X'0000000000000000000000000000000000000000000000000000000000000000','55522f49c1dd5526',X'9DB7443AD0988395246C9886C0266B948ED9573D1F9187D94F6A01DF4F82A6BC');
INSERT INTO "audit_heads" VALUES('01a20194-30fd-79d2-8201-b626b4eef8c6',1,X'7CDCDAA882409B1353942A29276F45EF1912534533CF8B464061A15D58ADEBA2',0,X'0000000000000000000000000000000000000000000000000000000000000000','55522f49c1dd5526',X'14633E2FF71D9D4B82B7745EF9D1395EE6332F03BA2CA6936EA6ECA33ED59F2C');
CREATE TABLE audit_marks (
    organization_id text PRIMARY KEY NOT NULL REFERENCES organizations (id),
    seq bigint NOT NULL
);
INSERT INTO "audit_marks" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f',26);
INSERT INTO "audit_marks" VALUES('01a20194-30fd-79d2-8201-b626b4eef8c6',1);
CREATE TABLE audit_totals (
    id smallint PRIMARY KEY NOT NULL CHECK (id = 1),
    sealed bigint NOT NULL,
    mac blob,
    pepper text,
    CHECK ((sealed = 0) = (mac IS NULL)),
    CHECK ((sealed = 0) = (pepper IS NULL))
);
INSERT INTO "audit_totals" VALUES(1,27,X'3857715B910A28170FE213DF4659642A92AC56DB65E0333B7B68DC588FA82DF6','55522f49c1dd5526');
CREATE TABLE deliveries (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL,
    event_id text NOT NULL REFERENCES events (id),
    webhook_id text,
    mail_to text,
    -- Deliveries of one lane may hold each other up, and those of no other: a webhook's id, or 'mail'.
    lane text NOT NULL,
    state text NOT NULL CHECK (state IN ('PENDING', 'DELIVERED', 'DEAD')),
    attempt integer NOT NULL,
    next_attempt_at bigint,
    -- A JSON array: what became of each attempt.
    attempts text NOT NULL,
    created_at bigint NOT NULL,
    finished_at bigint,
    FOREIGN KEY (organization_id, webhook_id) REFERENCES webhooks (organization_id, id) ON DELETE CASCADE,
    CHECK ((webhook_id IS NULL) <> (mail_to IS NULL)),
    CHECK ((state = 'PENDING') = (next_attempt_at IS NOT NULL)),
    CHECK ((state = 'PENDING') = (finished_at IS NULL))
);
INSERT INTO "deliveries" VALUES('01a20194-3aab-7b19-a9e3-34a449b7e55e','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3aab-783e-ab51-d0e5a0f8d1e8','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322827594725,'[{"at":1795322821869141,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":6}]',1795322821291809,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3c16-704a-939d-68572fedcd20','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c16-78d6-ac0c-a50698825b29','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322827739823,'[{"at":1795322821870105,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":5}]',1795322821654568,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3c52-76d9-8a27-ffc8a2aa752f','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c52-71b4-b8ff-1974b56fe52b','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322827543745,'[{"at":1795322821870552,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":5}]',1795322821714828,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3c9c-7496-985a-a1ae9282e59d','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c9c-7cdb-b78d-820a1f23c080','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322827681000,'[{"at":1795322821870924,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":5}]',1795322821788133,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3d0f-790c-ae91-aff8d838e04b','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d0f-7ea3-91ee-f8042873178e','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828477921,'[{"at":1795322822872008,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":1}]',1795322821903784,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3d9d-742b-a85e-e15c1d001048','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d9d-7bb0-b5d5-9a8c68ae3836','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828219490,'[{"at":1795322822892010,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":1}]',1795322822045459,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3f10-7e8b-84da-825f03927eab','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3f10-71dd-b716-b16ec1ba85a4','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828862176,'[{"at":1795322822919997,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":1}]',1795322822416124,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3f48-7589-bb0e-b39bf4261f85','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3f48-7e23-a357-12d6c3a8631f','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828521549,'[{"at":1795322822948035,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":1}]',1795322822472330,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3f8c-7c0d-976a-f268e4c0402d','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3f8c-7566-a752-15a491588b92','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828297882,'[{"at":1795322822984121,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]',1795322822540293,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3fb8-7b5c-870a-6aa0ba4cee4f','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3fb8-7d48-a94c-15535864e601','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828974019,'[{"at":1795322823023947,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]',1795322822584155,NULL);
INSERT INTO "deliveries" VALUES('01a20194-3fea-761e-9b29-7e5eb81de1e3','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3fea-7c4e-a6bb-9cf21b17f5dc','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828624627,'[{"at":1795322823044047,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":1}]',1795322822634639,NULL);
INSERT INTO "deliveries" VALUES('01a20194-4007-72bf-abd5-7ef1b5001537','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-4007-7194-9b81-790fc1f4a20c','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828696000,'[{"at":1795322823075941,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]',1795322822663603,NULL);
INSERT INTO "deliveries" VALUES('01a20194-4047-7d0f-ba75-79eb8694d866','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-4047-7614-b1c9-8719f8ab6dd3','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828787901,'[{"at":1795322823132023,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":1}]',1795322822727670,NULL);
INSERT INTO "deliveries" VALUES('01a20194-4047-73d7-8d6c-7076f96f29e6','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-4047-7d47-851f-031360199b75','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',1,1795322828375764,'[{"at":1795322823147955,"status":null,"error":"127.0.0.1 cannot be reached","duration_ms":0}]',1795322822727670,NULL);
INSERT INTO "deliveries" VALUES('01a20194-5394-7495-89a5-da9294731c3b','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-5394-704c-b4cb-4a3bccc5dd9f','01a20194-39f1-780d-82c4-62a218110ccd',NULL,'01a20194-39f1-780d-82c4-62a218110ccd','PENDING',0,1795322827670000,'[]',1795322827668195,NULL);
INSERT INTO "deliveries" VALUES('01a20194-5394-7ef8-b2db-1c36491346b0','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-5394-704c-b4cb-4a3bccc5dd9f',NULL,'cyn@example.com','mail','PENDING',0,1795322827670000,'[]',1795322827668195,NULL);
CREATE TABLE deployment_shares (
    user_id text NOT NULL,
    deployment_id text NOT NULL,
    organization_id text NOT NULL,
    PRIMARY KEY (user_id, deployment_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments (organization_id, id)
);
INSERT INTO "deployment_shares" VALUES('01a20194-3b9c-7332-a65e-022bea407496','01a20194-3c16-7f21-b3a7-943548932e41','01a20194-2f62-7edf-9c46-2f12abc8a90f');
CREATE TABLE deployments (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    workflow_id text NOT NULL,
    deployment_type text NOT NULL CHECK (deployment_type IN ('TASK', 'ETL')),
    api_name text NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    is_active boolean NOT NULL,
    default_parameters text NOT NULL,
    timeout_seconds integer NOT NULL,
    max_concurrent integer,
    shared_results boolean NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    deleted_at bigint, rate_limit_per_minute integer, ip_allowlist text NOT NULL DEFAULT '[]', max_body_bytes integer NOT NULL DEFAULT 10485760, input_schema text, max_file_bytes integer NOT NULL DEFAULT 104857600, shared_with_everyone boolean NOT NULL DEFAULT false,
    -- Serves the pages of an organization's list as well.
    UNIQUE (organization_id, id),
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
);
INSERT INTO "deployments" VALUES('01a20194-3c16-7f21-b3a7-943548932e41','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c04-7acb-a82f-4fdf744a8035','TASK','pass_on','','',1,'{"a":1}',300,NULL,0,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322821654568,1795322821654568,NULL,1000,'["127.0.0.0/8"]',10485760,'{"type":"object"}',104857600,0);
INSERT INTO "deployments" VALUES('01a20194-3d9d-77b7-b7e8-c117cbb84d88','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d6d-7243-9385-446fd4a014e3','ETL','copy','','',1,'{}',300,20,0,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322822045459,1795322822045459,NULL,100,'[]',10485760,NULL,104857600,0);
CREATE TABLE events (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    type text NOT NULL,
    at bigint NOT NULL,
    -- A JSON object, as receivers get it.
    data text NOT NULL
);
INSERT INTO "events" VALUES('01a20194-3aab-783e-ab51-d0e5a0f8d1e8','01a20194-2f62-7edf-9c46-2f12abc8a90f','member.invited',1795322821291809,'{"invitation_id":"01a20194-3aab-7770-8aa5-a0d2cb863e86","email":"bea@example.com","role":"user","invited_by":"ada","expires_at":"2026-11-25T04:47:01.291Z"}');
INSERT INTO "events" VALUES('01a20194-3c16-78d6-ac0c-a50698825b29','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.created',1795322821654568,'{"key_id":"01a20194-3c16-7a64-b5dd-b5bd17526da5","kind":"deployment","name":"First key of pass_on","deployment_id":"01a20194-3c16-7f21-b3a7-943548932e41","hint":"unst_…UUdY","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"}}');
INSERT INTO "events" VALUES('01a20194-3c52-71b4-b8ff-1974b56fe52b','01a20194-2f62-7edf-9c46-2f12abc8a90f','execution.completed',1795322821714828,'{"execution_id":"01a20194-3c4b-7900-95c6-d45b92cedc8e","workflow_id":"01a20194-3c04-7acb-a82f-4fdf744a8035","deployment_id":"01a20194-3c16-7f21-b3a7-943548932e41","api_name":"pass_on","trigger":"CALL","key_id":"01a20194-3c16-7a64-b5dd-b5bd17526da5","status":"COMPLETED","created_at":"2026-11-22T04:47:01.707Z","started_at":"2026-11-22T04:47:01.707Z","finished_at":"2026-11-22T04:47:01.714Z","execution_ms":7,"error":null}');
INSERT INTO "events" VALUES('01a20194-3c9c-7cdb-b78d-820a1f23c080','01a20194-2f62-7edf-9c46-2f12abc8a90f','execution.completed',1795322821788133,'{"execution_id":"01a20194-3c83-7b72-ae8e-3cb6ba146902","workflow_id":"01a20194-3c04-7acb-a82f-4fdf744a8035","deployment_id":"01a20194-3c16-7f21-b3a7-943548932e41","api_name":"pass_on","trigger":"CALL","key_id":"01a20194-3c16-7a64-b5dd-b5bd17526da5","status":"COMPLETED","created_at":"2026-11-22T04:47:01.763Z","started_at":"2026-11-22T04:47:01.763Z","finished_at":"2026-11-22T04:47:01.788Z","execution_ms":24,"error":null}');
INSERT INTO "events" VALUES('01a20194-3d0f-7ea3-91ee-f8042873178e','01a20194-2f62-7edf-9c46-2f12abc8a90f','execution.failed',1795322821903784,'{"execution_id":"01a20194-3cfd-746d-86cc-b5e3b82b7cf4","workflow_id":"01a20194-3cde-79f2-b1af-8c166b0b50f0","deployment_id":null,"api_name":null,"trigger":"TEST","key_id":null,"status":"ERROR","created_at":"2026-11-22T04:47:01.885Z","started_at":"2026-11-22T04:47:01.885Z","finished_at":"2026-11-22T04:47:01.903Z","execution_ms":18,"error":{"code":"step_failed","step":"b","reason":"\"thirteen\""}}');
INSERT INTO "events" VALUES('01a20194-3d9d-7bb0-b5d5-9a8c68ae3836','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.created',1795322822045459,'{"key_id":"01a20194-3d9d-7564-93dc-378f29c22eae","kind":"deployment","name":"First key of copy","deployment_id":"01a20194-3d9d-77b7-b7e8-c117cbb84d88","hint":"unst_…N3pM","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"}}');
INSERT INTO "events" VALUES('01a20194-3f10-71dd-b716-b16ec1ba85a4','01a20194-2f62-7edf-9c46-2f12abc8a90f','execution.completed',1795322822416124,'{"execution_id":"01a20194-3dc0-7de8-acd4-73a723b0791d","workflow_id":"01a20194-3d6d-7243-9385-446fd4a014e3","deployment_id":"01a20194-3d9d-77b7-b7e8-c117cbb84d88","api_name":"copy","trigger":"CALL","key_id":"01a20194-3d9d-7564-93dc-378f29c22eae","status":"COMPLETED","created_at":"2026-11-22T04:47:02.080Z","started_at":"2026-11-22T04:47:02.080Z","finished_at":"2026-11-22T04:47:02.416Z","execution_ms":336,"error":null}');
INSERT INTO "events" VALUES('01a20194-3f48-7e23-a357-12d6c3a8631f','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.created',1795322822472330,'{"key_id":"01a20194-3f48-77f7-a181-631da7cebeef","kind":"organization","name":"checksummed","deployment_id":null,"hint":"kw_live_…BlbU","expires_at":"2036-11-19T04:47:02.472Z","actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"}}');
INSERT INTO "events" VALUES('01a20194-3f8c-7566-a752-15a491588b92','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.rotated',1795322822540293,'{"key_id":"01a20194-3f48-77f7-a181-631da7cebeef","kind":"organization","name":"checksummed","deployment_id":null,"hint":"kw_live_…Da8X","expires_at":"2036-11-19T04:47:02.540Z","actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"}}');
INSERT INTO "events" VALUES('01a20194-3fb8-7d48-a94c-15535864e601','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.created',1795322822584155,'{"key_id":"01a20194-3fb8-7d41-8900-948b4d7ed368","kind":"organization","name":"prefix_secret","deployment_id":null,"hint":"Lc0Hh3B1.…cmwJ","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"}}');
INSERT INTO "events" VALUES('01a20194-3fea-7c4e-a6bb-9cf21b17f5dc','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.created',1795322822634639,'{"key_id":"01a20194-3fea-7382-bd5f-e4565a1638b5","kind":"organization","name":"revoked","deployment_id":null,"hint":"kw_live_…El4D","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"}}');
INSERT INTO "events" VALUES('01a20194-4007-7194-9b81-790fc1f4a20c','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.revoked',1795322822663603,'{"key_id":"01a20194-3fea-7382-bd5f-e4565a1638b5","kind":"organization","name":"revoked","deployment_id":null,"hint":"kw_live_…El4D","expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"},"reason":"left on a train"}');
INSERT INTO "events" VALUES('01a20194-4047-7614-b1c9-8719f8ab6dd3','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.created',1795322822727670,'{"key_id":"01a20194-4047-7569-8346-e0694f7e3868","kind":"organization","name":"foreign","deployment_id":null,"hint":null,"expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"}}');
INSERT INTO "events" VALUES('01a20194-4047-7d47-851f-031360199b75','01a20194-2f62-7edf-9c46-2f12abc8a90f','key.created',1795322822727670,'{"key_id":"01a20194-4047-7723-a422-e2c871f53f05","kind":"organization","name":"salted","deployment_id":null,"hint":null,"expires_at":null,"actor":{"kind":"platform_key","id":"01a20194-2f62-790b-8617-3351d9a1cfd5","name":"Key #1"}}');
INSERT INTO "events" VALUES('01a20194-5394-704c-b4cb-4a3bccc5dd9f','01a20194-2f62-7edf-9c46-2f12abc8a90f','member.invited',1795322827668195,'{"invitation_id":"01a20194-5394-7c84-8e9d-f62a60e47ac7","email":"cyn@example.com","role":"admin","invited_by":"ada","expires_at":"2026-11-25T04:47:07.668Z"}');
CREATE TABLE execution_files (
    id text PRIMARY KEY NOT NULL,
    execution_id text NOT NULL REFERENCES executions (id),
    organization_id text NOT NULL,
    -- Among the files of the run, from 0.
    position integer NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    -- In hexadecimal digits.
    sha256 text NOT NULL,
    -- Whether the content is to be there.
    is_kept boolean NOT NULL,
    UNIQUE (execution_id, position)
);
INSERT INTO "execution_files" VALUES('01a20194-3c7f-72c1-aa7c-fce55cb612ef','01a20194-3c83-7b72-ae8e-3cb6ba146902','01a20194-2f62-7edf-9c46-2f12abc8a90f',0,'a.txt','text/plain',7,'ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73',1);
CREATE TABLE execution_records (
    execution_id text NOT NULL PRIMARY KEY REFERENCES executions (id) ON DELETE CASCADE,
    records_read integer NOT NULL,
    records_written integer NOT NULL,
    records_failed integer NOT NULL,
    -- What another attempt goes on with, as JSON.
    checkpoint text
);
INSERT INTO "execution_records" VALUES('01a20194-3dc0-7de8-acd4-73a723b0791d',20,20,0,'[20,20,0,{"object":"in/a.ndjson","index":20,"failures":[]}]');
CREATE TABLE execution_steps (
    execution_id text NOT NULL REFERENCES executions (id),
    item integer NOT NULL DEFAULT 0,
    position integer NOT NULL,
    step_id text NOT NULL,
    state text NOT NULL DEFAULT 'SUCCEEDED' CHECK (state IN ('BEGUN', 'SUCCEEDED', 'SKIPPED', 'FAILED')),
    started_at bigint NOT NULL,
    finished_at bigint,
    output text,
    error text,
    prompt_tokens bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    cost_micros bigint NOT NULL DEFAULT 0,
    -- Lines as JSON.
    log text NOT NULL DEFAULT '[]',
    PRIMARY KEY (execution_id, item, position),
    CHECK ((state = 'BEGUN') = (finished_at IS NULL)),
    CHECK ((state = 'FAILED') = (error IS NOT NULL))
);
INSERT INTO "execution_steps" VALUES('01a20194-3c4b-7900-95c6-d45b92cedc8e',0,0,'a','SUCCEEDED',1795322821714646,1795322821714740,'{"n":1}',NULL,0,0,0,'[]');
INSERT INTO "execution_steps" VALUES('01a20194-3c83-7b72-ae8e-3cb6ba146902',0,0,'a','SUCCEEDED',1795322821787988,1795322821788040,'{}',NULL,0,0,0,'[]');
INSERT INTO "execution_steps" VALUES('01a20194-3cfd-746d-86cc-b5e3b82b7cf4',0,0,'b','FAILED',1795322821900584,1795322821903628,NULL,'"thirteen"',0,0,0,'[]');
CREATE TABLE executions (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL,
    version_id text NOT NULL REFERENCES workflow_versions (id),
    trigger text NOT NULL DEFAULT 'CALL' CHECK (trigger IN ('CALL', 'TEST', 'SCHEDULE')),
    deployment_id text,
    key_id text REFERENCES keys (id),
    -- The user or key that tries a workflow out.
    started_by text,
    status text NOT NULL CHECK (status IN ('PENDING', 'EXECUTING', 'COMPLETED', 'ERROR', 'STOPPED')),
    attempt integer NOT NULL,
    -- How many of the attempts ended with a lease that ran out.
    lost integer NOT NULL,
    lease_expires_at bigint,
    timeout_seconds integer NOT NULL,
    per_file boolean NOT NULL DEFAULT false,
    steps_total integer NOT NULL,
    steps_completed integer NOT NULL,
    input text,
    parameters text,
    result text,
    failure_code text,
    failure_step text,
    failure_reason text,
    created_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    has_payload boolean NOT NULL,
    trace_parent text, workflow_id text,
    FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments (organization_id, id),
    CHECK ((trigger = 'CALL') = (deployment_id IS NOT NULL)),
    CHECK ((trigger = 'CALL') = (key_id IS NOT NULL)),
    -- Held by these two, the conditions of the indexes below mean: waits, is held, is unfinished.
    CHECK ((status = 'EXECUTING') = (lease_expires_at IS NOT NULL)),
    CHECK ((status IN ('COMPLETED', 'ERROR', 'STOPPED')) = (finished_at IS NOT NULL)),
    CHECK (has_payload = (input IS NOT NULL))
);
INSERT INTO "executions" VALUES('01a20194-3c4b-7900-95c6-d45b92cedc8e','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c0d-7c96-9d35-12d34731731b','CALL','01a20194-3c16-7f21-b3a7-943548932e41','01a20194-3c16-7a64-b5dd-b5bd17526da5',NULL,'COMPLETED',1,0,NULL,300,0,1,1,'{"n":1}','{"a":1}','{"n":1}',NULL,NULL,NULL,1795322821707714,1795322821707714,1795322821714828,1,NULL,'01a20194-3c04-7acb-a82f-4fdf744a8035');
INSERT INTO "executions" VALUES('01a20194-3c83-7b72-ae8e-3cb6ba146902','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c0d-7c96-9d35-12d34731731b','CALL','01a20194-3c16-7f21-b3a7-943548932e41','01a20194-3c16-7a64-b5dd-b5bd17526da5',NULL,'COMPLETED',1,0,NULL,300,0,1,1,'{}','{"a":1}','{}',NULL,NULL,NULL,1795322821763570,1795322821763570,1795322821788133,1,NULL,'01a20194-3c04-7acb-a82f-4fdf744a8035');
INSERT INTO "executions" VALUES('01a20194-3cfd-746d-86cc-b5e3b82b7cf4','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3cde-770a-811c-7c28a58d3a18','TEST',NULL,NULL,'01a20194-2f62-790b-8617-3351d9a1cfd5','ERROR',1,0,NULL,300,0,1,0,'{"a":13}','{}',NULL,'step_failed','b','"thirteen"',1795322821885572,1795322821885572,1795322821903784,1,NULL,'01a20194-3cde-79f2-b1af-8c166b0b50f0');
INSERT INTO "executions" VALUES('01a20194-3dc0-7de8-acd4-73a723b0791d','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d6d-74dc-a868-86b6de9fb228','CALL','01a20194-3d9d-77b7-b7e8-c117cbb84d88','01a20194-3d9d-7564-93dc-378f29c22eae',NULL,'COMPLETED',1,0,NULL,300,0,1,0,'{}','{}','{"read":20,"written":20,"failed":0,"failures":[]}',NULL,NULL,NULL,1795322822080088,1795322822080088,1795322822416124,1,NULL,'01a20194-3d6d-7243-9385-446fd4a014e3');
INSERT INTO "executions" VALUES('01a20194-542f-7891-8ff5-fb3f921833f2','01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c0d-7c96-9d35-12d34731731b','CALL','01a20194-3c16-7f21-b3a7-943548932e41','01a20194-3c16-7a64-b5dd-b5bd17526da5',NULL,'PENDING',0,0,NULL,300,0,1,0,'{"n":2}','{"a":1}',NULL,NULL,NULL,NULL,1795322827823628,NULL,NULL,1,NULL,'01a20194-3c04-7acb-a82f-4fdf744a8035');
CREATE TABLE idempotency_records (
    organization_id text NOT NULL REFERENCES organizations (id),
    -- SHA-256 of who asked for what, under which idempotency key.
    request_name blob NOT NULL,
    -- HMAC of the body: the same request with another body is refused.
    body blob NOT NULL,
    made_id text NOT NULL,
    -- What was made along with it: the first key of a deployment.
    made_along_id text,
    created_at bigint NOT NULL,
    PRIMARY KEY (organization_id, request_name)
);
INSERT INTO "idempotency_records" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f',X'2D603BD95EEDB1D8075F9283036DCC77F99F1058DB338511BEAC117DEB901490',X'8AB9DC61322226FCED11B571B8DC5AD9F2F3AC73FB7951C74F60AD5077296C94','01a20194-3c4b-7900-95c6-d45b92cedc8e',NULL,1795322821707714);
CREATE TABLE imported_secrets (
    key_id text PRIMARY KEY NOT NULL REFERENCES keys (id),
    algorithm text NOT NULL CHECK (algorithm IN ('sha256', 'sha512', 'pbkdf2_sha256')),
    -- Not unique: two organizations may have the same key, and one of them may import it twice under two salts.
    digest blob NOT NULL,
    -- What the key begins with; keys under PBKDF2 are found by it.
    prefix text,
    salt text,
    iterations integer,
    created_at bigint NOT NULL,
    grace_until bigint,
    CHECK ((algorithm = 'pbkdf2_sha256') = (salt IS NOT NULL)),
    CHECK ((algorithm = 'pbkdf2_sha256') = (iterations IS NOT NULL)),
    CHECK (algorithm <> 'pbkdf2_sha256' OR prefix IS NOT NULL)
);
INSERT INTO "imported_secrets" VALUES('01a20194-4047-7569-8346-e0694f7e3868','sha256',X'3136A91039844CAC7CCE1BDD620844B1AE36C54DA45CFE6AB90076D3834B6191','from',NULL,NULL,1795322822727670,NULL);
INSERT INTO "imported_secrets" VALUES('01a20194-4047-7723-a422-e2c871f53f05','pbkdf2_sha256',X'030235E3B1CFD2E0B05760C015CD10795EBA663F2E87CB72E778BE778D3D84D1','abcdefgh','salt',1000,1795322822727670,NULL);
CREATE TABLE invitations (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    email text NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'user')),
    is_mailed boolean NOT NULL,
    created_by text NOT NULL,
    created_by_name text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    accepted_at bigint,
    withdrawn_at bigint,
    -- It ends once.
    CHECK (accepted_at IS NULL OR withdrawn_at IS NULL)
);
INSERT INTO "invitations" VALUES('01a20194-3aab-7770-8aa5-a0d2cb863e86','01a20194-2f62-7edf-9c46-2f12abc8a90f','bea@example.com','user',0,'01a20194-2f62-7cb7-8def-f1b5b2bc15d1','ada',1795322821291809,1795582021291809,1795322821532124,NULL);
INSERT INTO "invitations" VALUES('01a20194-5394-7c84-8e9d-f62a60e47ac7','01a20194-2f62-7edf-9c46-2f12abc8a90f','cyn@example.com','admin',1,'01a20194-2f62-7cb7-8def-f1b5b2bc15d1','ada',1795322827668195,1795582027668195,NULL,NULL);
CREATE TABLE key_changes (
    key_id text NOT NULL PRIMARY KEY REFERENCES keys (id),
    organization_id text NOT NULL REFERENCES organizations (id),
    number bigint NOT NULL
);
INSERT INTO "key_changes" VALUES('01a20194-2f62-790b-8617-3351d9a1cfd5','01a20194-2f62-7edf-9c46-2f12abc8a90f',1);
INSERT INTO "key_changes" VALUES('01a20194-39d8-78fb-90fb-37e6fb1fcca0','01a20194-2f62-7edf-9c46-2f12abc8a90f',1);
INSERT INTO "key_changes" VALUES('01a20194-3c16-7a64-b5dd-b5bd17526da5','01a20194-2f62-7edf-9c46-2f12abc8a90f',2);
INSERT INTO "key_changes" VALUES('01a20194-3d9d-7564-93dc-378f29c22eae','01a20194-2f62-7edf-9c46-2f12abc8a90f',3);
INSERT INTO "key_changes" VALUES('01a20194-3f48-77f7-a181-631da7cebeef','01a20194-2f62-7edf-9c46-2f12abc8a90f',5);
INSERT INTO "key_changes" VALUES('01a20194-3fb8-7d41-8900-948b4d7ed368','01a20194-2f62-7edf-9c46-2f12abc8a90f',6);
INSERT INTO "key_changes" VALUES('01a20194-3fea-7382-bd5f-e4565a1638b5','01a20194-2f62-7edf-9c46-2f12abc8a90f',8);
INSERT INTO "key_changes" VALUES('01a20194-4047-7569-8346-e0694f7e3868','01a20194-2f62-7edf-9c46-2f12abc8a90f',9);
INSERT INTO "key_changes" VALUES('01a20194-4047-7723-a422-e2c871f53f05','01a20194-2f62-7edf-9c46-2f12abc8a90f',9);
CREATE TABLE key_secrets (
    digest blob PRIMARY KEY NOT NULL,
    key_id text NOT NULL REFERENCES keys (id),
    pepper text NOT NULL,
    fingerprint text NOT NULL,
    hint text NOT NULL,
    created_at bigint NOT NULL
, grace_until bigint, last_used_at bigint);
INSERT INTO "key_secrets" VALUES(X'3F390DCC5ECC361F7E416A5D4B1D3F8263D8B335DAD73CDCC9519D642DCA2A8D','01a20194-2f62-790b-8617-3351d9a1cfd5','55522f49c1dd5526','31bfb86f5b5e23eb','…07a1',1795322818402498,NULL,1795322822809492);
INSERT INTO "key_secrets" VALUES(X'4946D3EB89D71E58BFA41F76A07927B48738658CEAF8276B331FB561EB3E3D62','01a20194-30fd-7727-a22a-b8741a6a6d90','55522f49c1dd5526','629c4756bb3b2598','…b8d7',1795322818813213,NULL,NULL);
INSERT INTO "key_secrets" VALUES(X'972161D4F863DDCEA211C54E9A632A61CD2D5C0A7BC6C1D86271B8766A883F98','01a20194-39d8-78fb-90fb-37e6fb1fcca0','55522f49c1dd5526','c4cc941fc0c96d23','…1a28',1795322821080017,NULL,NULL);
INSERT INTO "key_secrets" VALUES(X'F573A325AF9306AAE7E5505EB096C3F102ADF04C27EA77A2E9BF350DE2F96756','01a20194-3c16-7a64-b5dd-b5bd17526da5','55522f49c1dd5526','b1bd602fe038e891','unst_…UUdY',1795322821654568,NULL,1795322827699566);
INSERT INTO "key_secrets" VALUES(X'2F82045419162C12DE51D41C2F51B10AC1E20B22FCC3F9863704C7A4DAB3621D','01a20194-3d9d-7564-93dc-378f29c22eae','55522f49c1dd5526','4abb06f687eb69a8','unst_…N3pM',1795322822045459,NULL,1795322822074632);
INSERT INTO "key_secrets" VALUES(X'2EE0F9A0C26A4C2DABAF1F4AB2CACD9F976B2E506330AD171F79F3AE066C968B','01a20194-3f48-77f7-a181-631da7cebeef','55522f49c1dd5526','7c39457ab4556d95','kw_live_…BlbU',1795322822472330,1797914822540293,NULL);
INSERT INTO "key_secrets" VALUES(X'596DB60C9EB13ACC905AD74CDA5C169A070087AF4768DC9B09EBF77F72DB53AA','01a20194-3f48-77f7-a181-631da7cebeef','55522f49c1dd5526','7f7438959907e4f6','kw_live_…Da8X',1795322822540293,NULL,NULL);
INSERT INTO "key_secrets" VALUES(X'6FFAE7EDC1B45559E87A9A306B131CA239DDDA3088CEF609C57B8A47D31C8589','01a20194-3fb8-7d41-8900-948b4d7ed368','55522f49c1dd5526','9fa0b95a4004fa60','Lc0Hh3B1.…cmwJ',1795322822584155,NULL,1795322822802019);
INSERT INTO "key_secrets" VALUES(X'E9D4CB443CAA43FDC0E6256F16DA53154B7E125335A790C29CE4CE3C6E94BD54','01a20194-3fea-7382-bd5f-e4565a1638b5','55522f49c1dd5526','b97205ff01e7d4c6','kw_live_…El4D',1795322822634639,NULL,NULL);
CREATE TABLE keys (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    kind text NOT NULL CHECK (kind IN ('platform', 'deployment', 'organization')),
    deployment_id text,
    slot smallint CHECK (slot IN (1, 2)),
    -- Null for keys that have none: those of deployments are described, those of slots are numbered.
    name text,
    description text NOT NULL,
    is_active boolean,
    scopes text NOT NULL DEFAULT '[]',
    rate_limit_per_minute integer,
    ip_allowlist text NOT NULL DEFAULT '[]',
    metadata text NOT NULL DEFAULT '{}',
    expires_at bigint,
    -- For how many microseconds it was made: a rotation begins this term anew.
    term bigint,
    revoked_at bigint,
    revoked_reason text,
    deleted_at bigint,
    created_by text,
    created_at bigint NOT NULL,
    -- Names the hash that a key was imported by, after the hash is gone and the key deleted: so that an import may be
    -- repeated, and brings back nothing that was withdrawn.
    import_fingerprint text, noticed_until bigint, next_notice_at bigint, limit_noticed_at bigint,
    UNIQUE (organization_id, slot),
    UNIQUE (organization_id, import_fingerprint),
    FOREIGN KEY (organization_id, deployment_id) REFERENCES deployments (organization_id, id),
    -- A deleted platform key leaves its slot; the row stays for those that name it as their maker.
    CHECK ((kind = 'platform' AND deleted_at IS NULL) = (slot IS NOT NULL)),
    CHECK ((kind = 'platform') = (is_active IS NULL)),
    CHECK ((kind = 'deployment') = (deployment_id IS NOT NULL)),
    CHECK ((kind = 'organization') = (name IS NOT NULL))
);
INSERT INTO "keys" VALUES('01a20194-2f62-790b-8617-3351d9a1cfd5','01a20194-2f62-7edf-9c46-2f12abc8a90f','platform',NULL,1,NULL,'',NULL,'[]',NULL,'[]','{}',NULL,NULL,NULL,NULL,NULL,NULL,1795322818402498,NULL,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('01a20194-30fd-7727-a22a-b8741a6a6d90','01a20194-30fd-79d2-8201-b626b4eef8c6','platform',NULL,1,NULL,'',NULL,'[]',NULL,'[]','{}',NULL,NULL,NULL,NULL,NULL,NULL,1795322818813213,NULL,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('01a20194-39d8-78fb-90fb-37e6fb1fcca0','01a20194-2f62-7edf-9c46-2f12abc8a90f','platform',NULL,2,NULL,'',NULL,'[]',NULL,'[]','{}',NULL,NULL,NULL,NULL,NULL,'01a20194-2f62-7cb7-8def-f1b5b2bc15d1',1795322821080017,NULL,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('01a20194-3c16-7a64-b5dd-b5bd17526da5','01a20194-2f62-7edf-9c46-2f12abc8a90f','deployment','01a20194-3c16-7f21-b3a7-943548932e41',NULL,NULL,'First key of pass_on',1,'[]',NULL,'[]','{}',NULL,NULL,NULL,NULL,NULL,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322821654568,NULL,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('01a20194-3d9d-7564-93dc-378f29c22eae','01a20194-2f62-7edf-9c46-2f12abc8a90f','deployment','01a20194-3d9d-77b7-b7e8-c117cbb84d88',NULL,NULL,'First key of copy',1,'[]',NULL,'[]','{}',NULL,NULL,NULL,NULL,NULL,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322822045459,NULL,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('01a20194-3f48-77f7-a181-631da7cebeef','01a20194-2f62-7edf-9c46-2f12abc8a90f','organization',NULL,NULL,'checksummed','',1,'["inference:read","orders:write"]',NULL,'[]','{"team":"a"}',2110682822540293,315360000000000,NULL,NULL,NULL,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322822472330,NULL,1795322822847821,2109473222540293,NULL);
INSERT INTO "keys" VALUES('01a20194-3fb8-7d41-8900-948b4d7ed368','01a20194-2f62-7edf-9c46-2f12abc8a90f','organization',NULL,NULL,'prefix_secret','',1,'[]',1000,'["127.0.0.0/8"]','{}',NULL,NULL,NULL,NULL,NULL,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322822584155,NULL,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('01a20194-3fea-7382-bd5f-e4565a1638b5','01a20194-2f62-7edf-9c46-2f12abc8a90f','organization',NULL,NULL,'revoked','',1,'[]',NULL,'[]','{}',NULL,NULL,1795322822663603,'left on a train',NULL,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322822634639,NULL,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('01a20194-4047-7569-8346-e0694f7e3868','01a20194-2f62-7edf-9c46-2f12abc8a90f','organization',NULL,NULL,'foreign','',1,'[]',NULL,'[]','{}',NULL,NULL,NULL,NULL,NULL,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322822727670,'b496d6b7b9e9d26b',NULL,NULL,NULL);
INSERT INTO "keys" VALUES('01a20194-4047-7723-a422-e2c871f53f05','01a20194-2f62-7edf-9c46-2f12abc8a90f','organization',NULL,NULL,'salted','',1,'[]',NULL,'[]','{}',NULL,NULL,NULL,NULL,NULL,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322822727670,'74b27c8ca3d4f71b',NULL,NULL,NULL);
CREATE TABLE memberships (
    organization_id text NOT NULL REFERENCES organizations (id),
    user_id text NOT NULL REFERENCES users (id),
    role text NOT NULL CHECK (role IN ('admin', 'user')), created_at bigint,
    PRIMARY KEY (organization_id, user_id)
);
INSERT INTO "memberships" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-2f62-7cb7-8def-f1b5b2bc15d1','admin',1795322818402498);
INSERT INTO "memberships" VALUES('01a20194-30fd-79d2-8201-b626b4eef8c6','01a20194-30fd-71ef-8d0b-2b89b52cbff4','admin',1795322818813213);
INSERT INTO "memberships" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3b9c-7332-a65e-022bea407496','user',1795322821532124);
CREATE TABLE organization_secrets (
    organization_id text NOT NULL REFERENCES organizations (id),
    name text NOT NULL,
    -- The name of the key that opens `sealed`: so that a missing key is told before a workflow fails by it.
    encryption_key text NOT NULL,
    -- The nonce, then the sealed value with its tag.
    sealed blob NOT NULL,
    set_at bigint NOT NULL,
    set_by text NOT NULL,
    set_by_name text NOT NULL,
    PRIMARY KEY (organization_id, name)
);
INSERT INTO "organization_secrets" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','TOKEN','87bd07bdab365643',X'07E0984879A83C9DDE19F2ED15CECAA2300F2DF4862975F281709A6B18CE70FF01741A244CCDE6F3D3EF12B8632995E055A48AD777D7329007A21A0E8311D15647',1795322821244153,'01a20194-2f62-7cb7-8def-f1b5b2bc15d1','ada');
CREATE TABLE organizations (
    id text PRIMARY KEY NOT NULL,
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    active_platform_slot smallint,
    created_at bigint NOT NULL, key_format text NOT NULL DEFAULT 'token' CHECK (key_format IN ('token', 'uuid')), key_prefix text NOT NULL DEFAULT 'kw', max_concurrent integer, result_hours integer, record_days integer, notice_days text NOT NULL DEFAULT '[14,7,1]', users_may_deploy boolean NOT NULL DEFAULT true, key_changes bigint NOT NULL DEFAULT 0,
    -- "Never two active" is one column that holds one number; "the active slot is filled" is this reference.
    FOREIGN KEY (id, active_platform_slot) REFERENCES keys (organization_id, slot)
);
INSERT INTO "organizations" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','acme','Acme Käse 🧀',1,1795322818402498,'token','kw',NULL,NULL,NULL,'[14,7,1]',1,9);
INSERT INTO "organizations" VALUES('01a20194-30fd-79d2-8201-b626b4eef8c6','other','Other',1,1795322818813213,'token','kw',NULL,NULL,NULL,'[14,7,1]',1,0);
CREATE TABLE schedules (
    workflow_id text NOT NULL PRIMARY KEY REFERENCES workflows (id),
    organization_id text NOT NULL REFERENCES organizations (id),
    cron text NOT NULL,
    is_active boolean NOT NULL,
    timeout_seconds integer NOT NULL,
    input text NOT NULL,
    parameters text NOT NULL,
    -- Null while it starts nothing.
    next_run_at integer,
    last_run_at integer,
    last_execution_id text,
    last_skipped_at integer,
    modified_at integer NOT NULL
);
INSERT INTO "schedules" VALUES('01a20194-3d6d-7243-9385-446fd4a014e3','01a20194-2f62-7edf-9c46-2f12abc8a90f','0 3 * * *',1,3600,'{"n":1}','{}',1795402800000000,NULL,NULL,NULL,1795322822425781);
CREATE TABLE sessions (
    id text PRIMARY KEY NOT NULL,
    user_id text NOT NULL REFERENCES users (id),
    token_digest blob NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    last_used_at bigint NOT NULL
, address text, user_agent text NOT NULL DEFAULT '');
INSERT INTO "sessions" VALUES('01a20194-39be-7c0b-9d08-73249b0eaa76','01a20194-2f62-7cb7-8def-f1b5b2bc15d1',X'C379E2D9EEA8EB85F14EF4567D02CC767D5B8D7A73F14161D3811202FE5F4E6A',1795322821054692,1795322821054692,'127.0.0.1','');
INSERT INTO "sessions" VALUES('01a20194-3b9f-73a9-981a-1a45fb16d5dd','01a20194-3b9c-7332-a65e-022bea407496',X'C1BB853A369DB4AE9A9A0CAA5EF2FA05A1C6BE019FFE1CFB3E91D34D50FE0794',1795322821535837,1795322821535837,'127.0.0.1','');
INSERT INTO "sessions" VALUES('01a20194-5373-7ec9-880c-4506b58a8ceb','01a20194-2f62-7cb7-8def-f1b5b2bc15d1',X'5786CE601483AC1C73D1FA22257A72EE97EDAB8F7BCFC35822D93618FEF95142',1795322827635531,1795322827635531,'127.0.0.1','');
CREATE TABLE usage (
    organization_id text NOT NULL,
    -- Of one key; '' of all together.
    key_id text NOT NULL,
    -- 0 a minute, 1 an hour, 2 a day.
    resolution smallint NOT NULL CHECK (resolution IN (0, 1, 2)),
    -- In seconds since 1970.
    start bigint NOT NULL,
    -- '' of what belongs to no deployment.
    deployment_id text NOT NULL,
    -- 'succeeded', 'rejected.<code>', 'execution_ms.<bucket>' and so on.
    measure text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (organization_id, key_id, resolution, start, deployment_id, measure)
) WITHOUT ROWID;
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'','execution_ms',18);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'','execution_ms.17',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'','executions.failed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'','succeeded',21);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'','verifications',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms',31);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms.20',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms.7',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3c16-7f21-b3a7-943548932e41','executions.completed',2);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3c16-7f21-b3a7-943548932e41','succeeded',3);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','execution_ms',336);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','execution_ms.50',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','executions.completed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',0,1795322820,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','succeeded',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'','execution_ms',18);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'','execution_ms.17',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'','executions.failed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'','succeeded',21);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'','verifications',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms',31);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms.20',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms.7',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3c16-7f21-b3a7-943548932e41','executions.completed',2);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3c16-7f21-b3a7-943548932e41','succeeded',3);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','execution_ms',336);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','execution_ms.50',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','executions.completed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',1,1795320000,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','succeeded',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'','execution_ms',18);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'','execution_ms.17',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'','executions.failed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'','succeeded',21);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'','verifications',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms',31);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms.20',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3c16-7f21-b3a7-943548932e41','execution_ms.7',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3c16-7f21-b3a7-943548932e41','executions.completed',2);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3c16-7f21-b3a7-943548932e41','succeeded',3);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','execution_ms',336);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','execution_ms.50',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','executions.completed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','',2,1795305600,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','succeeded',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-2f62-790b-8617-3351d9a1cfd5',0,1795322820,'','succeeded',21);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-2f62-790b-8617-3351d9a1cfd5',1,1795320000,'','succeeded',21);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-2f62-790b-8617-3351d9a1cfd5',2,1795305600,'','succeeded',21);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c16-7a64-b5dd-b5bd17526da5',0,1795322820,'01a20194-3c16-7f21-b3a7-943548932e41','executions.completed',2);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c16-7a64-b5dd-b5bd17526da5',0,1795322820,'01a20194-3c16-7f21-b3a7-943548932e41','succeeded',3);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c16-7a64-b5dd-b5bd17526da5',1,1795320000,'01a20194-3c16-7f21-b3a7-943548932e41','executions.completed',2);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c16-7a64-b5dd-b5bd17526da5',1,1795320000,'01a20194-3c16-7f21-b3a7-943548932e41','succeeded',3);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c16-7a64-b5dd-b5bd17526da5',2,1795305600,'01a20194-3c16-7f21-b3a7-943548932e41','executions.completed',2);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3c16-7a64-b5dd-b5bd17526da5',2,1795305600,'01a20194-3c16-7f21-b3a7-943548932e41','succeeded',3);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d9d-7564-93dc-378f29c22eae',0,1795322820,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','executions.completed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d9d-7564-93dc-378f29c22eae',0,1795322820,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','succeeded',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d9d-7564-93dc-378f29c22eae',1,1795320000,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','executions.completed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d9d-7564-93dc-378f29c22eae',1,1795320000,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','succeeded',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d9d-7564-93dc-378f29c22eae',2,1795305600,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','executions.completed',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3d9d-7564-93dc-378f29c22eae',2,1795305600,'01a20194-3d9d-77b7-b7e8-c117cbb84d88','succeeded',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3fb8-7d41-8900-948b4d7ed368',0,1795322820,'','verifications',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3fb8-7d41-8900-948b4d7ed368',1,1795320000,'','verifications',1);
INSERT INTO "usage" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','01a20194-3fb8-7d41-8900-948b4d7ed368',2,1795305600,'','verifications',1);
CREATE TABLE usage_writers (
    id text PRIMARY KEY NOT NULL,
    batch bigint NOT NULL,
    -- In seconds since 1970.
    added_at bigint NOT NULL
);
INSERT INTO "usage_writers" VALUES('01a20194-3202-714b-b322-8576fe0cd258',3,1795322825);
INSERT INTO "usage_writers" VALUES('01a20194-4b4d-798d-9645-82fe65e4d697',1,1795322827);
CREATE TABLE users (
    id text PRIMARY KEY NOT NULL,
    username text NOT NULL UNIQUE,
    email text UNIQUE,
    password_hash text NOT NULL,
    created_at bigint NOT NULL
, password_changed_at bigint);
INSERT INTO "users" VALUES('01a20194-2f62-7cb7-8def-f1b5b2bc15d1','ada','ada@example.com','$argon2id$v=19$m=19456,t=2,p=1$9yjHGLNH7TxRJ0iHsQ1fSQ$HQXOt5STO++6R4g2FTJYzb7BZq0BGz0ImxWo5AamB/0',1795322818402498,NULL);
INSERT INTO "users" VALUES('01a20194-30fd-71ef-8d0b-2b89b52cbff4','otto',NULL,'$argon2id$v=19$m=19456,t=2,p=1$F9RYV7BDLbQGPmJ6vmgdmQ$LRRBmEOZ3MC4eiRgM0MZqFKLPBGwLUSS2GqRK1CUXvE',1795322818813213,NULL);
INSERT INTO "users" VALUES('01a20194-3b9c-7332-a65e-022bea407496','bea',NULL,'$argon2id$v=19$m=19456,t=2,p=1$Czn18QT4hOyc1xj6OYiFQA$HJ6y3nsTHQdNcELa8EUkVamAFNkm3Ykh7bXGHBqTOyY',1795322821532097,NULL);
CREATE TABLE webhook_events (
    organization_id text NOT NULL,
    event text NOT NULL,
    webhook_id text NOT NULL,
    PRIMARY KEY (organization_id, event, webhook_id),
    FOREIGN KEY (organization_id, webhook_id) REFERENCES webhooks (organization_id, id) ON DELETE CASCADE
);
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','key.created','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','key.rotated','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','key.revoked','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','key.expiring','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','key.expired','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','key.limit_reached','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','execution.completed','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','execution.failed','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','member.invited','01a20194-39f1-780d-82c4-62a218110ccd');
INSERT INTO "webhook_events" VALUES('01a20194-2f62-7edf-9c46-2f12abc8a90f','webhook.disabled','01a20194-39f1-780d-82c4-62a218110ccd');
CREATE TABLE webhooks (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    url text NOT NULL,
    description text NOT NULL,
    is_active boolean NOT NULL,
    -- Why the server switched it off, where it did.
    disabled_reason text CHECK (disabled_reason IN ('failing', 'gone')),
    -- The name of the key that opens `sealed`, and what signs the deliveries.
    encryption_key text NOT NULL,
    sealed blob NOT NULL,
    -- The same of the secret before, which signs as well until then.
    previous_encryption_key text,
    previous_sealed blob,
    previous_until bigint,
    -- Since when nothing arrived.
    failing_since bigint,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    -- It is nobody's any more, and goes with the last of what it was told.
    deleted_at bigint,
    -- Serves the pages of an organization's list as well.
    UNIQUE (organization_id, id),
    CHECK ((previous_sealed IS NULL) = (previous_encryption_key IS NULL)),
    CHECK ((previous_sealed IS NULL) = (previous_until IS NULL)),
    CHECK (disabled_reason IS NULL OR NOT is_active),
    CHECK (deleted_at IS NULL OR NOT is_active)
);
INSERT INTO "webhooks" VALUES('01a20194-39f1-780d-82c4-62a218110ccd','01a20194-2f62-7edf-9c46-2f12abc8a90f','http://127.0.0.1:9/hook','',1,NULL,'87bd07bdab365643',X'911C3284E3A5572E71736E0A75FB3FAE2FA1102FA69BE599CDC47C33544423102117D1A253213C0FE5CEE7F68DA2B69FA4273D591BE24722550F6FD6C82E3A3FECCBDC241045BBB872DD71B9C282FB3D2EED0C8887EBDA407F35','87bd07bdab365643',X'EDE4A939DA30B0412A1D081E3EF383330BE0691AF4747E208BA1B40A905B33C44D3A939FE187C850A93C617767E67AB670B78CE1330222B1EEA3ED93FC1B8BEE552187A50C99A9DE457565BBE116ED94B0AECCFE205E9DAA6F50',1795927621183582,1795322821869141,'01a20194-2f62-790b-8617-3351d9a1cfd5',1795322821105867,1795322821183582,NULL);
CREATE TABLE workflow_shares (
    user_id text NOT NULL,
    workflow_id text NOT NULL,
    organization_id text NOT NULL,
    -- What is shared with somebody is asked for with each of their lists.
    PRIMARY KEY (user_id, workflow_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES memberships (organization_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, workflow_id) REFERENCES workflows (organization_id, id)
);
INSERT INTO "workflow_shares" VALUES('01a20194-3b9c-7332-a65e-022bea407496','01a20194-3c04-7acb-a82f-4fdf744a8035','01a20194-2f62-7edf-9c46-2f12abc8a90f');
CREATE TABLE workflow_versions (
    id text PRIMARY KEY NOT NULL,
    workflow_id text NOT NULL REFERENCES workflows (id),
    number integer NOT NULL CHECK (number >= 1),
    definition text NOT NULL,
    created_at bigint NOT NULL,
    UNIQUE (workflow_id, number)
);
INSERT INTO "workflow_versions" VALUES('01a20194-3c04-7b4b-8f99-59c0868e44d2','01a20194-3c04-7acb-a82f-4fdf744a8035',1,'{"steps":[{"id":"a","tool":"passthrough"},{"id":"b","tool":"transform","filter":"error(\"thirteen\")"}]}',1795322821636041);
INSERT INTO "workflow_versions" VALUES('01a20194-3c0d-7c96-9d35-12d34731731b','01a20194-3c04-7acb-a82f-4fdf744a8035',2,'{"steps":[{"id":"a","tool":"passthrough"}]}',1795322821645532);
INSERT INTO "workflow_versions" VALUES('01a20194-3cde-770a-811c-7c28a58d3a18','01a20194-3cde-79f2-b1af-8c166b0b50f0',1,'{"steps":[{"id":"b","tool":"transform","filter":"error(\"thirteen\")"}]}',1795322821854875);
INSERT INTO "workflow_versions" VALUES('01a20194-3d6d-74dc-a868-86b6de9fb228','01a20194-3d6d-7243-9385-446fd4a014e3',1,'{"steps":[{"id":"a","tool":"passthrough"}],"source":{"kind":"files","location":"in/*.ndjson","format":"ndjson"},"destination":{"kind":"files","location":"out","format":"json","key":"id"}}',1795322821997220);
CREATE TABLE workflows (
    id text PRIMARY KEY NOT NULL,
    organization_id text NOT NULL REFERENCES organizations (id),
    name text NOT NULL,
    description text NOT NULL,
    workflow_type text NOT NULL CHECK (workflow_type IN ('TASK', 'ETL')),
    -- A workflow and its first version name each other: the one that is written first is checked at the commit.
    version_id text NOT NULL REFERENCES workflow_versions (id) DEFERRABLE INITIALLY DEFERRED,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    deleted_at bigint, shared_with_everyone boolean NOT NULL DEFAULT false,
    -- Serves the pages of an organization's list as well.
    UNIQUE (organization_id, id)
);
INSERT INTO "workflows" VALUES('01a20194-3c04-7acb-a82f-4fdf744a8035','01a20194-2f62-7edf-9c46-2f12abc8a90f','pass on','','TASK','01a20194-3c0d-7c96-9d35-12d34731731b','01a20194-2f62-790b-8617-3351d9a1cfd5',1795322821636041,1795322821645532,NULL,0);
INSERT INTO "workflows" VALUES('01a20194-3cde-79f2-b1af-8c166b0b50f0','01a20194-2f62-7edf-9c46-2f12abc8a90f','fail','','TASK','01a20194-3cde-770a-811c-7c28a58d3a18','01a20194-2f62-790b-8617-3351d9a1cfd5',1795322821854875,1795322821854875,NULL,0);
INSERT INTO "workflows" VALUES('01a20194-3d6d-7243-9385-446fd4a014e3','01a20194-2f62-7edf-9c46-2f12abc8a90f','copy','','ETL','01a20194-3d6d-74dc-a868-86b6de9fb228','01a20194-2f62-790b-8617-3351d9a1cfd5',1795322821997220,1795322821997220,NULL,0);
CREATE INDEX memberships_user_id ON memberships (user_id);
CREATE UNIQUE INDEX deployments_organization_id_api_name_key ON deployments (organization_id, api_name)
    WHERE deleted_at IS NULL;
CREATE INDEX deployments_workflow_id ON deployments (workflow_id) WHERE deleted_at IS NULL;
CREATE INDEX key_secrets_key_id ON key_secrets (key_id);
CREATE INDEX keys_deployment_id ON keys (deployment_id, id);
CREATE INDEX keys_organization_id ON keys (organization_id, id) WHERE kind = 'organization';
CREATE INDEX keys_created_by ON keys (created_by);
CREATE UNIQUE INDEX keys_organization_id_name_key ON keys (organization_id, name) WHERE deleted_at IS NULL;
CREATE INDEX imported_secrets_digest ON imported_secrets (digest);
CREATE INDEX imported_secrets_prefix ON imported_secrets (prefix) WHERE algorithm = 'pbkdf2_sha256';
CREATE INDEX audit_entries_organization_id ON audit_entries (organization_id, id);
CREATE INDEX audit_entries_unsealed ON audit_entries (organization_id, id) WHERE seq IS NULL;
CREATE INDEX audit_entries_at ON audit_entries (at);
CREATE INDEX usage_start ON usage (resolution, start);
CREATE INDEX idempotency_records_created_at ON idempotency_records (created_at);
CREATE INDEX executions_waiting ON executions (organization_id, created_at, id)
    WHERE lease_expires_at IS NULL AND finished_at IS NULL;
CREATE INDEX executions_leased ON executions (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (organization_id, deployment_id) WHERE finished_at IS NULL;
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX executions_of_organization ON executions (organization_id, id);
CREATE INDEX executions_of_workflow ON executions (organization_id, workflow_id, id);
CREATE INDEX executions_by_deployment ON executions (organization_id, deployment_id, id) WHERE deployment_id IS NOT NULL;
CREATE INDEX executions_by_key ON executions (organization_id, key_id, id) WHERE key_id IS NOT NULL;
CREATE INDEX executions_failed ON executions (organization_id, status, id) WHERE status IN ('ERROR', 'STOPPED');
CREATE INDEX executions_not_called ON executions (organization_id, trigger, id) WHERE trigger <> 'CALL';
CREATE INDEX executions_with_payload ON executions (organization_id, finished_at) WHERE has_payload;
CREATE INDEX executions_without_payload ON executions (organization_id, finished_at) WHERE NOT has_payload;
CREATE INDEX webhooks_deleted_at ON webhooks (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX webhook_events_webhook_id ON webhook_events (webhook_id);
CREATE INDEX deliveries_lane ON deliveries (lane, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_webhook_id ON deliveries (webhook_id, id) WHERE webhook_id IS NOT NULL;
CREATE INDEX deliveries_mail ON deliveries (organization_id, id) WHERE mail_to IS NOT NULL;
CREATE INDEX deliveries_event_id ON deliveries (event_id);
CREATE INDEX deliveries_finished_at ON deliveries (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX keys_next_notice_at ON keys (next_notice_at) WHERE next_notice_at IS NOT NULL;
CREATE INDEX invitations_open ON invitations (organization_id, id) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE UNIQUE INDEX invitations_organization_id_email_key ON invitations (organization_id, email)
    WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_created_at ON invitations (organization_id, created_at);
CREATE INDEX invitations_expires_at ON invitations (expires_at);
CREATE INDEX sessions_user_id ON sessions (user_id, id);
CREATE INDEX workflow_shares_workflow_id ON workflow_shares (workflow_id);
CREATE INDEX workflow_shares_organization_id_user_id ON workflow_shares (organization_id, user_id);
CREATE INDEX deployment_shares_deployment_id ON deployment_shares (deployment_id);
CREATE INDEX deployment_shares_organization_id_user_id ON deployment_shares (organization_id, user_id);
CREATE INDEX key_changes_organization_id_number ON key_changes (organization_id, number);
COMMIT;
