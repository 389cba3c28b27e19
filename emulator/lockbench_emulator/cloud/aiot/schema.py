"""What the AIOT cloud remembers: tables of the store. Times are ms since 1970."""

AIOT_SCHEMA = """
CREATE TABLE IF NOT EXISTS aiot_apps (
    appid TEXT PRIMARY KEY, appkey TEXT NOT NULL, push_url TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS aiot_tokens (
    token TEXT PRIMARY KEY, appid TEXT NOT NULL REFERENCES aiot_apps, open_id TEXT NOT NULL,
    expires INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS aiot_devices (
    did TEXT PRIMARY KEY, appid TEXT NOT NULL REFERENCES aiot_apps, open_id TEXT, name TEXT NOT NULL,
    model TEXT NOT NULL, version TEXT NOT NULL, gateway TEXT NOT NULL, online INTEGER NOT NULL,
    upgradable INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS aiot_firmware (
    number INTEGER PRIMARY KEY, model TEXT NOT NULL, version TEXT NOT NULL, update_log TEXT NOT NULL,
    release_date TEXT NOT NULL, image BLOB NOT NULL, UNIQUE (model, version));
CREATE TABLE IF NOT EXISTS aiot_upgrades (
    number INTEGER PRIMARY KEY AUTOINCREMENT, did TEXT NOT NULL REFERENCES aiot_devices, appid TEXT NOT NULL,
    version TEXT NOT NULL, firmware INTEGER NOT NULL REFERENCES aiot_firmware, state TEXT NOT NULL,
    percent INTEGER NOT NULL, pushed INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER,
    cause TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS aiot_work (
    number INTEGER PRIMARY KEY AUTOINCREMENT, due INTEGER NOT NULL, upgrade INTEGER NOT NULL,
    percent INTEGER NOT NULL, cause TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS aiot_upgrades_device ON aiot_upgrades (did, state);
CREATE INDEX IF NOT EXISTS aiot_work_due ON aiot_work (due, number);
"""
