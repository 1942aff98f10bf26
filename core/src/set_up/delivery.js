// Delivers changes of tasks to the callback address. Managed: changes made here are overwritten. Version __VERSION__.
var __SERVICE__ = Class.create();
__SERVICE__.prototype = {
    initialize: function () {},

    // Sends without waiting: for the business rule.
    send: function (record, previous) {
        this._send(record, previous, false);
    },

    // Sends, waits, and says how it went: for the button.
    sendNow: function (record) {
        var session = gs.getSession();
        var key = '__PROPERTY__.sent.' + record.getUniqueValue();
        var now = new GlideDateTime().getNumericValue();
        var last = Number(session.getClientData(key) || 0);
        if (now - last < __PAUSE_MS__) {
            return 'Not sent: the last try is less than ' + __PAUSE_MS__ / 1000 + ' seconds ago.';
        }
        session.putClientData(key, String(now));
        return this._send(record, null, true);
    },

    _send: function (record, previous, wait) {
        var number = record.getValue('number');
        try {
            var address = gs.getProperty('__PROPERTY__.callback_url', '');
            if (!address) {
                gs.error('[__PRODUCT__] ' + number + ' was not delivered: __PROPERTY__.callback_url is empty');
                return 'Not sent: there is no callback address.';
            }
            var request = new sn_ws.RESTMessageV2();
            request.setHttpMethod('post');
            request.setEndpoint(address);
            request.setRequestHeader('Content-Type', 'application/json');
            request.setRequestHeader('X-Callback-Secret', gs.getProperty('__PROPERTY__.callback_secret', ''));
            // Both exist on newer releases. Without the first, ${..} in a text is taken for a variable; with the second, no other
            // address is sent the secret.
            if (typeof request.disableForcedVariableSubstitution === 'function') {
                request.disableForcedVariableSubstitution();
            }
            if (typeof request.setFollowRedirect === 'function') {
                request.setFollowRedirect(false);
            }
            var midServer = '__MID_SERVER__';
            if (midServer) {
                request.setMIDServer(midServer);
            }
            request.setRequestBody(JSON.stringify(this._payload(record, previous, wait)));
            if (!wait) {
                request.executeAsync();
                return 'Sent.';
            }
            var status = request.execute().getStatusCode();
            return status >= 200 && status < 300 ? 'Sent.' : 'Not taken: the answer was ' + status + '. Try again in 10 seconds.';
        } catch (error) {
            gs.error('[__PRODUCT__] ' + number + ' was not delivered: ' + error);
            return 'Not sent: ' + error;
        }
    },

    _payload: function (record, previous, asked) {
        var isNew = record.operation() === 'insert';
        var payload = {
            sys_id: record.getUniqueValue(),
            number: record.getValue('number'),
            sys_mod_count: record.getValue('sys_mod_count'),
            table: record.getRecordClassName(),
            action: isNew ? 'insert' : 'update',
            current: this._columns(record),
            extra: this._extra(record),
            comments: this._comments(record, asked)
        };
        if (previous && !isNew) {
            payload.previous = this._columns(previous);
            var extra = this._extra(previous);
            for (var name in extra) {
                if (extra.hasOwnProperty(name)) {
                    payload.previous[name] = extra[name];
                }
            }
        }
        return payload;
    },

    _columns: function (record) {
        var names = __USUAL__;
        var columns = {};
        for (var at = 0; at < names.length; at++) {
            columns[names[at]] = record.isValidField(names[at]) ? record.getValue(names[at]) || '' : '';
        }
        return columns;
    },

    _extra: function (record) {
        var names = __EXTRA__;
        var extra = {};
        for (var at = 0; at < names.length; at++) {
            extra[names[at]] = record.isValidField(names[at]) ? record.getDisplayValue(names[at]) || '' : '';
        }
        return extra;
    },

    // The comments of the last minutes, where this write appended one: other writes may have appended theirs in the same second,
    // and the receiver knows each by its entry. Where somebody asked, the last one.
    _comments: function (record, asked) {
        if (!asked && !record.comments.changes()) {
            return [];
        }
        var now = new GlideDateTime().getNumericValue();
        var entry = new GlideRecord('sys_journal_field');
        entry.addQuery('element_id', record.getUniqueValue());
        entry.addQuery('element', 'comments');
        entry.orderByDesc('sys_created_on');
        entry.setLimit(asked ? 1 : __COMMENTS__);
        entry.query();
        var comments = [];
        while (entry.next()) {
            var at = new GlideDateTime(entry.getValue('sys_created_on')).getNumericValue();
            if (comments.length > 0 && now - at > __COMMENTS_MS__) {
                break;
            }
            comments.unshift({ sys_id: entry.getUniqueValue(), text: entry.getValue('value') || '' });
        }
        return comments;
    },

    type: '__SERVICE__'
};
