import {
	NodeApiError,
	NodeConnectionTypes,
	NodeOperationError,
	type IDataObject,
	type IExecuteFunctions,
	type ILoadOptionsFunctions,
	type INodeExecutionData,
	type INodePropertyOptions,
	type INodeType,
	type INodeTypeDescription,
	type JsonObject,
} from 'n8n-workflow';
import { inputs, outcomes, properties } from './generated';
import { call } from './transport';

/** The labels of the outputs by method; the expression that the editor and the engine evaluate holds them all. */
const labels = Object.fromEntries(
	Object.entries(outcomes).map(([method, of]) => [method, of.map((outcome) => outcome.label)]),
);

export class ServiceNowIncidents implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'ServiceNow Incidents',
		name: 'serviceNowIncidents',
		icon: { light: 'file:../../icons/servicenow.svg', dark: 'file:../../icons/servicenow.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: '={{ $parameter["operation"] }}',
		description: 'Incidents of ServiceNow, with one output for each outcome',
		defaults: { name: 'ServiceNow Incidents' },
		inputs: [NodeConnectionTypes.Main],
		outputs: `={{ (${JSON.stringify(labels)})[$parameter["operation"]].map((label) => ({ type: "${NodeConnectionTypes.Main}", displayName: label })) }}`,
		credentials: [{ name: 'serviceNowIncidentsApi', required: true }],
		// The linter wants it said. As a tool n8n hands on the first output alone: every other outcome would be lost.
		usableAsTool: undefined,
		properties,
	};

	methods = {
		loadOptions: {
			async getColumns(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
				const answer = await call.call(this, 'columns', {
					authorization: this.getCurrentNodeParameter('authorization') as string,
					instance: this.getCurrentNodeParameter('instance') as string,
				}, {});
				if (answer.case !== 'columns-success') {
					const why = `${answer.case}: ${JSON.stringify(answer.value)}`;
					throw new NodeOperationError(this.getNode(), 'The columns could not be read', { description: why });
				}
				const columns = answer.value as Array<{ name: string; label: string }>;
				return columns.map(({ name, label }) => ({ name: label || name, value: name, description: name }));
			},
		},
	};

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const method = this.getNodeParameter('operation', 0) as string;
		const ends = outcomes[method];
		const outputs: INodeExecutionData[][] = ends.map(() => []);
		const items = this.getInputData();
		const cancelled = this.getExecutionCancelSignal();
		for (let item = 0; item < items.length && !cancelled?.aborted; item++) {
			const pairedItem = { item };
			try {
				const answer = await call.call(this, method, given(this, method, item), { item, cancelled });
				const end = ends.findIndex((outcome) => outcome.case === answer.case);
				if (end < 0) {
					const message = `The server answered an outcome that this version does not know: ${answer.case}`;
					throw new NodeOperationError(this.getNode(), message, { itemIndex: item });
				}
				const json: IDataObject = { outcome: answer.case, edge: ends[end].edge, value: answer.value };
				outputs[end].push({ json, pairedItem });
			} catch (error) {
				if (!this.continueOnFail()) {
					// An error of the class is returned as it is, and knows its item already.
					if (error instanceof NodeOperationError) throw new NodeOperationError(this.getNode(), error);
					throw new NodeApiError(this.getNode(), error as JsonObject, { itemIndex: item });
				}
				// Never the first output: that is the one of success. n8n cuts an item with an `error` of its own down to
				// the message, and moves one with no keys but these to the error output where the node has that on.
				const end = ends.findIndex((outcome) => outcome.case === 'error');
				outputs[end].push({ json: { error: error.message, details: error.description ?? null }, pairedItem });
			}
		}
		return outputs;
	}
}

/** What makes a create safe to repeat. */
const KEY = 'correlation_id';

/** The inputs of a call, as the server takes them. */
function given(from: IExecuteFunctions, method: string, item: number): IDataObject {
	const options = from.getNodeParameter('options', item, {}) as IDataObject;
	const body: IDataObject = {};
	for (const { name, required, type } of inputs[method]) {
		if (!required) {
			const value = asText(options[name], type);
			// An expression without a value for this item: n8n keeps the option, and the value is null or missing.
			if (name === KEY && name in options && isNothing(value)) throw noKey(from, item);
			if (!isNothing(value)) body[name] = value;
		} else if (type === 'json') {
			body[name] = from.getNodeParameter('request_body_as', item) === 'fields' ? fields(from, item) : json(from, name, item);
		} else {
			body[name] = asText(from.getNodeParameter(name, item) as IDataObject[string], type);
		}
	}
	return body;
}

/** The columns that have a value, as pairs: a name that stands twice is refused, and not overwritten. */
function fields(from: IExecuteFunctions, item: number): IDataObject {
	const rows = from.getNodeParameter('request_fields.column', item, []) as Array<{ name: string; value: unknown }>;
	if (rows.some(({ name, value }) => name === KEY && isNothing(value))) throw noKey(from, item);
	const pairs = rows.filter(({ value }) => value !== null && value !== undefined);
	return { case: 'fields', value: pairs.map(({ name, value }) => [name, typeof value === 'object' ? value : String(value)]) };
}

/** The text as it was given: read and written anew, a number may change and a name that stands twice is lost. */
function json(from: IExecuteFunctions, name: string, item: number): IDataObject {
	const value = from.getNodeParameter(name, item);
	return { case: 'json', value: typeof value === 'string' ? value : JSON.stringify(value ?? null) };
}

/** A text may be given as a number, as an expression often has it. */
function asText(value: IDataObject[string], type: string): IDataObject[string] {
	return type === 'text' && ['number', 'boolean'].includes(typeof value) ? String(value) : value;
}

function isNothing(value: unknown): boolean {
	return value === undefined || value === null || value === '';
}

function noKey(from: IExecuteFunctions, itemIndex: number): NodeOperationError {
	const message = 'Correlation ID is empty for this item, which would make another incident each time';
	return new NodeOperationError(from.getNode(), message, { itemIndex });
}
